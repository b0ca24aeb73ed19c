"""Commands for strings, numbers and bits."""

from __future__ import annotations

from typing import Any

from coldframe._celery.redis_keyspace import MILLISECOND, SECOND, reply_error, to_integer
from coldframe._effects.redis_server.table import Call, command, every, every_second, syntax_error, wrong_number
from coldframe._effects.redis_server.wire import OK, number

UNITS = {b"EX": SECOND, b"PX": MILLISECOND, b"EXAT": SECOND, b"PXAT": MILLISECOND}


def lifetime(call: Call, name: str, option: bytes, value: bytes) -> int:
    """Microseconds until the end that `EX 5` and the like ask for."""
    span = to_integer(value) * UNITS[option]
    micros = span - call.now() if option.endswith(b"AT") else span
    if span <= 0:
        raise reply_error(f"invalid expire time in '{name}' command")
    return micros


def text(call: Call, key: bytes) -> bytes | None:
    """The string under a key."""
    return call.keys.read_as(key, bytes)


@command("GET", 1, writes=False)
def get(call: Call, words: list[bytes]) -> bytes | None:
    """The value of a key."""
    return text(call, words[0])


@command("SET", 2, None, writes=True)
def set_key(call: Call, words: list[bytes]) -> Any:
    """Give a key a value."""
    key, value, *options = words
    flags, micros = set(), None
    while options:
        option = options.pop(0).upper()
        if option in UNITS and options:
            micros = lifetime(call, "set", option, options.pop(0))
        elif option in {b"NX", b"XX", b"GET", b"KEEPTTL"}:
            flags.add(option)
        else:
            raise syntax_error()
    if {b"NX", b"XX"} <= flags or (micros is not None and b"KEEPTTL" in flags):
        raise syntax_error()
    before = text(call, key) if b"GET" in flags else call.keys.read(key)
    refused = (b"NX" in flags and before is not None) or (b"XX" in flags and before is None)
    if not refused:
        (call.keys.update if b"KEEPTTL" in flags else call.keys.write)(key, value)
        if micros is not None:
            call.keys.end_in(key, micros)
    if b"GET" in flags:
        return before
    return None if refused else OK


@command("SETNX", 2, writes=True)
def setnx(call: Call, words: list[bytes]) -> int:
    """Give a key a value if it has none."""
    return int(set_key(call, [*words, b"NX"]) is OK)


@command("SETEX", 3, writes=True)
def setex(call: Call, words: list[bytes]) -> Any:
    """Give a key a value for some seconds."""
    micros = lifetime(call, "setex", b"EX", words[1])
    call.keys.write(words[0], words[2])
    call.keys.end_in(words[0], micros)
    return OK


@command("PSETEX", 3, writes=True)
def psetex(call: Call, words: list[bytes]) -> Any:
    """Give a key a value for some milliseconds."""
    micros = lifetime(call, "psetex", b"PX", words[1])
    call.keys.write(words[0], words[2])
    call.keys.end_in(words[0], micros)
    return OK


@command("GETSET", 2, writes=True)
def getset(call: Call, words: list[bytes]) -> bytes | None:
    """Give a key a value, and tell the one that it had."""
    before = text(call, words[0])
    call.keys.write(*words)
    return before


@command("GETDEL", 1, writes=True)
def getdel(call: Call, words: list[bytes]) -> bytes | None:
    """Take a value away."""
    before = text(call, words[0])
    call.keys.remove(words[0])
    return before


@command("GETEX", 1, 3, writes=True)
def getex(call: Call, words: list[bytes]) -> bytes | None:
    """The value of a key, which shall end at another time."""
    key, *options = words
    value = text(call, key)
    if value is None or not options:
        return value
    if options[0].upper() == b"PERSIST":
        call.keys.write(key, value)
    elif options[0].upper() in UNITS and len(options) == 2:
        call.keys.end_in(key, lifetime(call, "getex", options[0].upper(), options[1]))
    else:
        raise syntax_error()
    return value


@command("MGET", 1, None, writes=False, keys=every)
def mget(call: Call, words: list[bytes]) -> list[bytes | None]:
    """The values of keys."""
    return call.client.mget(words)


@command("MSET MSETNX", 2, None, writes=True, keys=every_second)
def mset(call: Call, words: list[bytes]) -> Any:
    """Give keys values, all or, for the second command, none if one of them is there."""
    if len(words) % 2:
        raise wrong_number("mset")
    is_cautious = call.session.command == "MSETNX"
    if is_cautious and call.client.exists(*words[::2]):
        return 0
    for key, value in zip(words[::2], words[1::2], strict=True):
        call.keys.write(key, value)
    return 1 if is_cautious else OK


def _add(call: Call, key: bytes, amount: int) -> int:
    return call.client.incr(key, amount)


@command("INCR", 1, writes=True)
def incr(call: Call, words: list[bytes]) -> int:
    """Add one."""
    return _add(call, words[0], 1)


@command("DECR", 1, writes=True)
def decr(call: Call, words: list[bytes]) -> int:
    """Take one."""
    return _add(call, words[0], -1)


@command("INCRBY", 2, writes=True)
def incrby(call: Call, words: list[bytes]) -> int:
    """Add some."""
    return _add(call, words[0], to_integer(words[1]))


@command("DECRBY", 2, writes=True)
def decrby(call: Call, words: list[bytes]) -> int:
    """Take some."""
    return _add(call, words[0], -to_integer(words[1]))


def plus(held: bytes | None, amount: bytes) -> bytes:
    """A number and another one, as text."""
    try:
        return number(float(held or b"0") + float(amount))
    except ValueError:
        raise reply_error("value is not a valid float") from None


@command("INCRBYFLOAT", 2, writes=True)
def incrbyfloat(call: Call, words: list[bytes]) -> bytes:
    """Add some, with decimals."""
    value = plus(text(call, words[0]), words[1])
    call.keys.update(words[0], value)
    return value


@command("APPEND", 2, writes=True)
def append(call: Call, words: list[bytes]) -> int:
    """Put something behind a value."""
    value = (text(call, words[0]) or b"") + words[1]
    call.keys.update(words[0], value)
    return len(value)


@command("STRLEN", 1, writes=False)
def strlen(call: Call, words: list[bytes]) -> int:
    """The length of a value."""
    return len(text(call, words[0]) or b"")


@command("GETRANGE", 3, writes=False)
def getrange(call: Call, words: list[bytes]) -> bytes:
    """A part of a value."""
    from coldframe._celery.redis_collections import between

    value = text(call, words[0]) or b""
    return value[between(len(value), words[1], words[2])]


@command("SETRANGE", 3, writes=True)
def setrange(call: Call, words: list[bytes]) -> int:
    """Write over a part of a value."""
    key, offset, new = words[0], to_integer(words[1]), words[2]
    held = (text(call, key) or b"").ljust(offset, b"\0") if new else text(call, key) or b""
    value = held[:offset] + new + held[offset + len(new) :]
    if new:
        call.keys.update(key, value)
    return len(value)


@command("SETBIT", 3, writes=True)
def setbit(call: Call, words: list[bytes]) -> int:
    """Set one bit."""
    place, bit = to_integer(words[1]), to_integer(words[2])
    if bit not in {0, 1} or place < 0:
        raise reply_error("bit is not an integer or out of range")
    value = bytearray((text(call, words[0]) or b"").ljust(place // 8 + 1, b"\0"))
    mask = 0x80 >> place % 8
    before = int(bool(value[place // 8] & mask))
    value[place // 8] = value[place // 8] | mask if bit else value[place // 8] & ~mask
    call.keys.update(words[0], bytes(value))
    return before


@command("GETBIT", 2, writes=False)
def getbit(call: Call, words: list[bytes]) -> int:
    """One bit."""
    place, value = to_integer(words[1]), text(call, words[0]) or b""
    return int(place // 8 < len(value) and bool(value[place // 8] & (0x80 >> place % 8)))


@command("BITCOUNT", 1, 3, writes=False)
def bitcount(call: Call, words: list[bytes]) -> int:
    """How many bits are set."""
    value = getrange(call, words) if len(words) == 3 else text(call, words[0]) or b""
    return sum(byte.bit_count() for byte in value)
