"""Commands for hashes."""

from __future__ import annotations

from typing import Any

from coldframe._celery.redis_keyspace import Hash, reply_error, to_integer
from coldframe._effects.redis_server.keys import scan_options
from coldframe._effects.redis_server.strings import plus
from coldframe._effects.redis_server.table import Call, command, wrong_number
from coldframe._effects.redis_server.wire import OK


def fields_of(call: Call, key: bytes) -> dict[bytes, bytes]:
    """The fields of a hash."""
    return call.keys.read_as(key, Hash) or {}


@command("HSET HMSET", 3, None, writes=True)
def hset(call: Call, words: list[bytes]) -> Any:
    """Set fields."""
    key, *rest = words
    if len(rest) % 2:
        raise wrong_number(call.session.command)
    added = call.client.hset(key, mapping=dict(zip(rest[::2], rest[1::2], strict=True)))
    return OK if call.session.command == "HMSET" else added


@command("HSETNX", 3, writes=True)
def hsetnx(call: Call, words: list[bytes]) -> int:
    """Set a field that is not there."""
    key, field, value = words
    return 0 if field in fields_of(call, key) else call.client.hset(key, field, value)


@command("HGET", 2, writes=False)
def hget(call: Call, words: list[bytes]) -> bytes | None:
    """The value of a field."""
    return fields_of(call, words[0]).get(words[1])


@command("HMGET", 2, None, writes=False)
def hmget(call: Call, words: list[bytes]) -> list[bytes | None]:
    """The values of fields."""
    fields = fields_of(call, words[0])
    return [fields.get(field) for field in words[1:]]


@command("HGETALL", 1, writes=False)
def hgetall(call: Call, words: list[bytes]) -> dict[bytes, bytes]:
    """All fields."""
    return dict(fields_of(call, words[0]))


@command("HKEYS", 1, writes=False)
def hkeys(call: Call, words: list[bytes]) -> list[bytes]:
    """The names of the fields."""
    return list(fields_of(call, words[0]))


@command("HVALS", 1, writes=False)
def hvals(call: Call, words: list[bytes]) -> list[bytes]:
    """The values of the fields."""
    return list(fields_of(call, words[0]).values())


@command("HLEN", 1, writes=False)
def hlen(call: Call, words: list[bytes]) -> int:
    """How many fields there are."""
    return len(fields_of(call, words[0]))


@command("HEXISTS", 2, writes=False)
def hexists(call: Call, words: list[bytes]) -> int:
    """Whether a field is there."""
    return int(words[1] in fields_of(call, words[0]))


@command("HSTRLEN", 2, writes=False)
def hstrlen(call: Call, words: list[bytes]) -> int:
    """The length of a field's value."""
    return len(fields_of(call, words[0]).get(words[1], b""))


@command("HDEL", 2, None, writes=True)
def hdel(call: Call, words: list[bytes]) -> int:
    """Remove fields."""
    return call.client.hdel(*words)


@command("HINCRBY", 3, writes=True)
def hincrby(call: Call, words: list[bytes]) -> int:
    """Add to the number in a field."""
    key, field, amount = words
    more, held = to_integer(amount), fields_of(call, key).get(field, b"0")
    if not held.removeprefix(b"-").isdigit():
        raise reply_error("hash value is not an integer")
    value = int(held) + more
    call.client.hset(key, field, value)
    return value


@command("HINCRBYFLOAT", 3, writes=True)
def hincrbyfloat(call: Call, words: list[bytes]) -> bytes:
    """Add to the number in a field, with decimals."""
    key, field, amount = words
    value = plus(fields_of(call, key).get(field), amount)
    call.client.hset(key, field, value)
    return value


@command("HSCAN", 2, None, writes=False)
def hscan(call: Call, words: list[bytes]) -> list[Any]:
    """The fields, all at once."""
    names_only = words[-1].upper() == b"NOVALUES"
    matches, _ = scan_options(words[2 : -1 if names_only else None])
    found = [(field, value) for field, value in fields_of(call, words[0]).items() if matches(field)]
    return [b"0", [part for pair in found for part in (pair[:1] if names_only else pair)]]
