"""Commands for keys of any type."""

from __future__ import annotations

import copy
from typing import Any

from coldframe._celery.redis_keyspace import MILLISECOND, SECOND, TYPE_NAMES, glob, reply_error, to_integer
from coldframe._effects.redis_server.table import Call, command, every, first_two, none, syntax_error
from coldframe._effects.redis_server.wire import OK

GONE, FOR_EVER = -2, -1


def scan_options(words: list[bytes]) -> tuple[Any, bytes | None]:
    """The pattern and the type that a scan asks for."""
    matches, kind = glob(b"*").fullmatch, None
    for name, value in zip(words[::2], words[1::2], strict=True):
        match name.upper():
            case b"MATCH":
                matches = glob(value).fullmatch
            case b"TYPE":
                kind = value.lower()
            case b"COUNT":
                to_integer(value)
            case _:
                raise syntax_error()
    return matches, kind


@command("DEL UNLINK", 1, None, writes=True, keys=every)
def delete(call: Call, words: list[bytes]) -> int:
    """Remove keys."""
    return call.client.delete(*words)


@command("EXISTS TOUCH", 1, None, writes=False, keys=every)
def exists(call: Call, words: list[bytes]) -> int:
    """How many of the keys are there."""
    return call.client.exists(*words)


@command("TYPE", 1, writes=False)
def type_of(call: Call, words: list[bytes]) -> Any:
    """The name of a type."""
    from coldframe._effects.redis_server.wire import Status

    return Status(TYPE_NAMES.get(type(call.keys.read(words[0])), b"none").decode())


def _expire(call: Call, key: bytes, micros: int, options: list[bytes]) -> int:
    if call.keys.read(key) is None:
        return 0
    left = call.keys.left(key)
    for option in options:
        refused = {
            b"NX": left is not None,
            b"XX": left is None,
            b"GT": left is None or micros <= left,
            b"LT": left is not None and micros >= left,
        }
        if option.upper() not in refused:
            raise reply_error(f"Unsupported option {option.decode()}")
        if refused[option.upper()]:
            return 0
    if micros > 0:
        call.keys.end_in(key, micros)
    else:
        call.keys.remove(key)
    return 1


@command("EXPIRE", 2, None, writes=True)
def expire(call: Call, words: list[bytes]) -> int:
    """End a key in some seconds."""
    return _expire(call, words[0], to_integer(words[1]) * SECOND, words[2:])


@command("PEXPIRE", 2, None, writes=True)
def pexpire(call: Call, words: list[bytes]) -> int:
    """End a key in some milliseconds."""
    return _expire(call, words[0], to_integer(words[1]) * MILLISECOND, words[2:])


@command("EXPIREAT", 2, None, writes=True)
def expireat(call: Call, words: list[bytes]) -> int:
    """End a key at a second since the epoch."""
    return _expire(call, words[0], to_integer(words[1]) * SECOND - call.now(), words[2:])


@command("PEXPIREAT", 2, None, writes=True)
def pexpireat(call: Call, words: list[bytes]) -> int:
    """End a key at a millisecond since the epoch."""
    return _expire(call, words[0], to_integer(words[1]) * MILLISECOND - call.now(), words[2:])


@command("PERSIST", 1, writes=True)
def persist(call: Call, words: list[bytes]) -> int:
    """Let a key stay for ever."""
    value = call.keys.read(words[0])
    if value is None or call.keys.left(words[0]) is None:
        return 0
    call.keys.write(words[0], value)
    return 1


def _left(call: Call, key: bytes, unit: int, since: int = 0) -> int:
    if call.keys.read(key) is None:
        return GONE
    left = call.keys.left(key)
    return FOR_EVER if left is None else (left + since + unit // 2) // unit


@command("TTL", 1, writes=False)
def ttl(call: Call, words: list[bytes]) -> int:
    """The seconds that a key has left."""
    return _left(call, words[0], SECOND)


@command("PTTL", 1, writes=False)
def pttl(call: Call, words: list[bytes]) -> int:
    """The milliseconds that a key has left."""
    return _left(call, words[0], MILLISECOND)


@command("EXPIRETIME", 1, writes=False)
def expiretime(call: Call, words: list[bytes]) -> int:
    """The second at which a key ends."""
    return _left(call, words[0], SECOND, call.now())


@command("PEXPIRETIME", 1, writes=False)
def pexpiretime(call: Call, words: list[bytes]) -> int:
    """The millisecond at which a key ends."""
    return _left(call, words[0], MILLISECOND, call.now())


@command("KEYS", 1, writes=False, keys=none)
def keys(call: Call, words: list[bytes]) -> list[bytes]:
    """The keys that match a pattern."""
    return call.client.keys(words[0])


@command("SCAN", 1, None, writes=False, keys=none)
def scan(call: Call, words: list[bytes]) -> list[Any]:
    """The keys, all at once."""
    matches, kind = scan_options(words[1:])
    found = [key for key in call.keys.listed() if matches(key)]
    return [b"0", [key for key in found if kind is None or TYPE_NAMES[type(call.keys.read(key))] == kind]]


@command("RANDOMKEY", 0, writes=False, keys=none)
def randomkey(call: Call, words: list[bytes]) -> bytes | None:
    """Any key."""
    found = call.keys.listed()
    return call.chance.choice(found) if found else None


@command("DBSIZE", 0, writes=False, keys=none)
def dbsize(call: Call, words: list[bytes]) -> int:
    """How many keys there are."""
    return len(call.keys.listed())


@command("FLUSHDB", 0, 1, writes=True, keys=none)
def flushdb(call: Call, words: list[bytes]) -> Any:
    """Remove all keys."""
    call.keys.clear()
    return OK


@command("RENAME", 2, writes=True, keys=first_two)
def rename(call: Call, words: list[bytes]) -> Any:
    """Give a key another name."""
    source, target = words
    value = call.keys.read(source)
    if value is None:
        raise reply_error("no such key")
    left = call.keys.left(source)
    call.keys.remove(source)
    call.keys.write(target, value)
    if left is not None:
        call.keys.end_in(target, left)
    return OK


@command("RENAMENX", 2, writes=True, keys=first_two)
def renamenx(call: Call, words: list[bytes]) -> int:
    """Give a key a name that is free."""
    if call.keys.read(words[0]) is not None and call.keys.read(words[1]) is not None:
        return 0
    rename(call, words)
    return 1


@command("COPY", 2, 3, writes=True, keys=first_two)
def copy_key(call: Call, words: list[bytes]) -> int:
    """Copy a value to another key."""
    value = call.keys.read(words[0])
    if value is None or (call.keys.read(words[1]) is not None and words[2:] != [b"REPLACE"]):
        return 0
    call.keys.write(words[1], copy.copy(value))
    left = call.keys.left(words[0])
    if left is not None:
        call.keys.end_in(words[1], left)
    return 1
