"""Commands for lists."""

from __future__ import annotations

from typing import Any

from coldframe._celery.redis_collections import between
from coldframe._celery.redis_keyspace import List, reply_error, to_integer
from coldframe._effects.redis_server.table import (
    Blocked,
    Call,
    all_but_last,
    command,
    counted,
    counted_second,
    first_two,
    syntax_error,
)
from coldframe._effects.redis_server.wire import OK


def items_of(call: Call, key: bytes) -> list[bytes]:
    """The values of a list, to be changed in place if there are any."""
    return call.keys.read_as(key, List) or List()


def _done(call: Call, key: bytes, items: list[bytes]) -> None:
    if isinstance(items, List):
        call.keys.remove_if_empty(key, items)


@command("RPUSH", 2, None, writes=True)
def rpush(call: Call, words: list[bytes]) -> int:
    """Put values at the end."""
    return call.client.rpush(*words)


@command("LPUSH", 2, None, writes=True)
def lpush(call: Call, words: list[bytes]) -> int:
    """Put values at the start."""
    return call.client.lpush(*words)


@command("RPUSHX", 2, None, writes=True)
def rpushx(call: Call, words: list[bytes]) -> int:
    """Put values at the end of a list that is there."""
    return call.client.rpush(*words) if items_of(call, words[0]) else 0


@command("LPUSHX", 2, None, writes=True)
def lpushx(call: Call, words: list[bytes]) -> int:
    """Put values at the start of a list that is there."""
    return call.client.lpush(*words) if items_of(call, words[0]) else 0


def take(call: Call, key: bytes, *, left: bool, count: int) -> list[bytes]:
    """Take values from one end."""
    items = items_of(call, key)
    taken = [items.pop(0 if left else -1) for _ in range(min(count, len(items)))]
    _done(call, key, items)
    return taken


def _pop(call: Call, words: list[bytes], *, left: bool) -> Any:
    if len(words) == 1:
        taken = take(call, words[0], left=left, count=1)
        return taken[0] if taken else None
    count = to_integer(words[1])
    if count < 0:
        raise reply_error("value is out of range, must be positive")
    return take(call, words[0], left=left, count=count) if items_of(call, words[0]) else None


@command("LPOP", 1, 2, writes=True)
def lpop(call: Call, words: list[bytes]) -> Any:
    """Take the first values."""
    return _pop(call, words, left=True)


@command("RPOP", 1, 2, writes=True)
def rpop(call: Call, words: list[bytes]) -> Any:
    """Take the last values."""
    return _pop(call, words, left=False)


@command("LMPOP", 3, None, writes=True, keys=counted)
def lmpop(call: Call, words: list[bytes]) -> Any:
    """Take values from the first list that has any."""
    keys = counted(words)
    side, *options = words[len(keys) + 1 :]
    count = to_integer(options[1]) if options else 1
    for key in keys:
        if taken := take(call, key, left=side.upper() == b"LEFT", count=count):
            return [key, taken]
    return None


@command("LLEN", 1, writes=False)
def llen(call: Call, words: list[bytes]) -> int:
    """The length of a list."""
    return call.client.llen(words[0])


@command("LRANGE", 3, writes=False)
def lrange(call: Call, words: list[bytes]) -> list[bytes]:
    """The values between two positions."""
    items = items_of(call, words[0])
    return list(items[between(len(items), words[1], words[2])])


@command("LINDEX", 2, writes=False)
def lindex(call: Call, words: list[bytes]) -> bytes | None:
    """The value at a position."""
    items, place = items_of(call, words[0]), to_integer(words[1])
    return items[place] if -len(items) <= place < len(items) else None


@command("LSET", 3, writes=True)
def lset(call: Call, words: list[bytes]) -> Any:
    """Replace the value at a position."""
    items, place = items_of(call, words[0]), to_integer(words[1])
    if not items:
        raise reply_error("no such key")
    if not -len(items) <= place < len(items):
        raise reply_error("index out of range")
    items[place] = words[2]
    return OK


@command("LINSERT", 4, writes=True)
def linsert(call: Call, words: list[bytes]) -> int:
    """Put a value before or after another one."""
    key, where, pivot, value = words
    items = items_of(call, key)
    if pivot not in items:
        return -1 if items else 0
    items.insert(items.index(pivot) + (where.upper() == b"AFTER"), value)
    return len(items)


@command("LREM", 3, writes=True)
def lrem(call: Call, words: list[bytes]) -> int:
    """Remove equal values."""
    return call.client.lrem(words[0], to_integer(words[1]), words[2])


@command("LTRIM", 3, writes=True)
def ltrim(call: Call, words: list[bytes]) -> Any:
    """Keep what is between two positions."""
    items = items_of(call, words[0])
    items[:] = items[between(len(items), words[1], words[2])]
    _done(call, words[0], items)
    return OK


@command("LPOS", 2, None, writes=False)
def lpos(call: Call, words: list[bytes]) -> Any:
    """Where a value stands."""
    key, value, *options = words
    places = [place for place, item in enumerate(items_of(call, key)) if item == value]
    given = {name.upper(): to_integer(number) for name, number in zip(options[::2], options[1::2], strict=True)}
    rank = given.get(b"RANK", 1)
    places = places[rank - 1 :] if rank > 0 else places[::-1][-rank - 1 :]
    if b"COUNT" in given:
        return places[: given[b"COUNT"] or None]
    return places[0] if places else None


def move(call: Call, source: bytes, target: bytes, *, from_left: bool, to_left: bool) -> bytes | None:
    """Move a value from one end of a list to one end of another."""
    items_of(call, target)
    taken = take(call, source, left=from_left, count=1)
    if not taken:
        return None
    (call.client.lpush if to_left else call.client.rpush)(target, *taken)
    return taken[0]


@command("RPOPLPUSH", 2, writes=True, keys=first_two)
def rpoplpush(call: Call, words: list[bytes]) -> bytes | None:
    """Move the last value of a list to the start of another."""
    return move(call, words[0], words[1], from_left=False, to_left=True)


@command("LMOVE", 4, writes=True, keys=first_two)
def lmove(call: Call, words: list[bytes]) -> bytes | None:
    """Move a value between lists."""
    source, target, *sides = words
    return move(call, source, target, from_left=_is_left(sides[0]), to_left=_is_left(sides[1]))


def _is_left(side: bytes) -> bool:
    if side.upper() not in {b"LEFT", b"RIGHT"}:
        raise syntax_error()
    return side.upper() == b"LEFT"


# --- those that wait -----------------------------------------------------------------------------------------


def seconds(word: bytes) -> float:
    """How long to wait."""
    try:
        span = float(word)
    except ValueError:
        raise reply_error("timeout is not a float or out of range") from None
    if span < 0:
        raise reply_error("timeout is negative")
    return span


def waiting(again: Any, timeout: bytes) -> Any:
    """What there is, now or later."""
    span = seconds(timeout)
    found = again()
    if found is None:
        raise Blocked(again, span)
    return found


def _blocking_pop(call: Call, words: list[bytes], *, left: bool) -> Any:
    def again() -> list[bytes] | None:
        for key in words[:-1]:
            if taken := take(call, key, left=left, count=1):
                return [key, *taken]
        return None

    return waiting(again, words[-1])


@command("BLPOP", 2, None, writes=True, keys=all_but_last)
def blpop(call: Call, words: list[bytes]) -> Any:
    """Take the first value of a list, as soon as one has any."""
    return _blocking_pop(call, words, left=True)


@command("BRPOP", 2, None, writes=True, keys=all_but_last)
def brpop(call: Call, words: list[bytes]) -> Any:
    """Take the last value of a list, as soon as one has any."""
    return _blocking_pop(call, words, left=False)


@command("BRPOPLPUSH", 3, writes=True, keys=first_two)
def brpoplpush(call: Call, words: list[bytes]) -> Any:
    """Move the last value of a list, as soon as it has any."""
    return waiting(lambda: rpoplpush(call, words[:2]), words[2])


@command("BLMOVE", 5, writes=True, keys=first_two)
def blmove(call: Call, words: list[bytes]) -> Any:
    """Move a value between lists, as soon as there is one."""
    return waiting(lambda: lmove(call, words[:4]), words[4])


@command("BLMPOP", 4, None, writes=True, keys=counted_second)
def blmpop(call: Call, words: list[bytes]) -> Any:
    """Take values from the first list that has any, as soon as one has."""
    return waiting(lambda: lmpop(call, words[1:]), words[0])
