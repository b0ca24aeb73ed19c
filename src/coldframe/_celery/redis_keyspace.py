"""What a simulated Redis keeps: values of Redis' types under keys of bytes, which end when virtual time says so."""

from __future__ import annotations

import copy
import math
import re
from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

Encodable = bytes | bytearray | memoryview | str | int | float
Span = int | timedelta

SECOND = 1_000_000
MILLISECOND = 1_000
FIRST_SWEEP = 1024


class List(list[bytes]):
    """A Redis list."""

    __slots__ = ()


class Set(set[bytes]):
    """A Redis set."""

    __slots__ = ()


class SortedSet(dict[bytes, float]):
    """A Redis sorted set: members and their scores."""

    __slots__ = ()

    def in_order(self) -> list[tuple[bytes, float]]:
        """Members and scores, by score, and by member where scores are equal."""
        return sorted(self.items(), key=lambda item: (item[1], item[0]))


class Hash(dict[bytes, bytes]):
    """A Redis hash."""

    __slots__ = ()


Value = bytes | List | Set | SortedSet | Hash
V = TypeVar("V", bytes, List, Set, SortedSet, Hash)
TYPE_NAMES: dict[type, bytes] = {bytes: b"string", List: b"list", Set: b"set", SortedSet: b"zset", Hash: b"hash"}


def reply_error(text: str) -> Exception:
    """The error that redis-py raises when the server refuses a command."""
    from redis.exceptions import ResponseError  # redis-py is there whenever Celery's Redis backend is

    return ResponseError(text)


def is_reply_error(error: Exception) -> bool:
    """Whether an error stands for a refusal by the server, which a pipeline collects."""
    from redis.exceptions import ResponseError

    return isinstance(error, ResponseError)


def data_error(text: str) -> Exception:
    """The error that redis-py raises when it cannot send a value."""
    from redis.exceptions import DataError

    return DataError(text)


def to_bytes(value: Encodable) -> bytes:
    """A key or a value as redis-py sends it."""
    if type(value) is bytes:
        return value
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return repr(value).encode()
    kind = type(value).__name__
    raise data_error(f"Invalid input of type: {kind!r}. Convert to a bytes, string, int or float first.")


def to_integer(value: Encodable) -> int:
    """A whole number as a Redis command reads it."""
    if type(value) is int:
        return value
    text = to_bytes(value)
    if re.fullmatch(rb"-?\d+", text) is None:
        raise reply_error("value is not an integer or out of range")
    return int(text)


def to_micros(span: Span, unit: int) -> int:
    """A span in seconds or milliseconds, or a timedelta, as microseconds."""
    if isinstance(span, timedelta):
        return span // timedelta(microseconds=unit) * unit
    return to_integer(span) * unit


def to_score(value: Encodable) -> float:
    """A score as Redis reads it."""
    try:
        score = float(to_bytes(value))
    except ValueError:
        raise reply_error("value is not a valid float") from None
    if math.isnan(score):
        raise reply_error("value is not a valid float")
    return score


def glob(pattern: Encodable) -> re.Pattern[bytes]:
    """A Redis pattern (`*`, `?`, `[a-c]`, `[^a]`, backslash) as a regular expression to be matched in full."""
    parts: list[bytes] = []
    for part in re.findall(rb"\\.|\[\^?[^\]]*\]|.", to_bytes(pattern), re.DOTALL):
        if part in {b"*", b"?"}:
            parts.append(b".*" if part == b"*" else b".")
        elif len(part) > 1 and part.startswith(b"["):
            parts.append(part)
        else:
            parts.append(re.escape(part[-1:]))
    return re.compile(b"".join(parts), re.DOTALL)


class Keyspace:
    """Keys, their values and their deadlines in microseconds of virtual time.

    A key ends when it is looked at after its deadline; those that nobody looks at are swept out now and then,
    so that the results of a long run do not pile up.
    """

    __slots__ = ("_deadlines", "_now", "_sweep_above", "_values")

    def __init__(self, now: Callable[[], int]) -> None:
        self._now = now
        self._values: dict[bytes, Value] = {}
        self._deadlines: dict[bytes, int] = {}
        self._sweep_above = FIRST_SWEEP

    def __len__(self) -> int:
        """How many keys are kept, those included that have ended and were not swept out yet."""
        return len(self._values)

    def read(self, key: bytes) -> Value | None:
        """The value of a key, None if there is none."""
        if key in self._deadlines and self._deadlines[key] <= self._now():
            self.remove(key)
            return None
        return self._values.get(key)

    def read_as(self, key: bytes, kind: type[V]) -> V | None:
        """The value of a key that must be of one type if it is there."""
        value = self.read(key)
        if value is None or type(value) is kind:
            return value
        raise reply_error("WRONGTYPE Operation against a key holding the wrong kind of value")

    def open(self, key: bytes, kind: type[V]) -> V:
        """The value of a key, to be changed in place; a new one if there is none."""
        value = self.read_as(key, kind)
        if value is None:
            value = self._values[key] = kind()
        return value

    def write(self, key: bytes, value: Value) -> None:
        """Give a key a value and no deadline."""
        self._values[key] = value
        self._deadlines.pop(key, None)

    def update(self, key: bytes, value: Value) -> None:
        """Give a key another value and leave its deadline."""
        self._values[key] = value

    def remove(self, key: bytes) -> None:
        """Forget a key."""
        self._values.pop(key, None)
        self._deadlines.pop(key, None)

    def remove_if_empty(self, key: bytes, value: List | Set | SortedSet | Hash) -> None:
        """Forget a key whose last element was taken: Redis keeps no empty collections."""
        if not value:
            self.remove(key)

    def end_in(self, key: bytes, micros: int) -> None:
        """Set the deadline of a key."""
        self._deadlines[key] = self._now() + micros
        if len(self._deadlines) > self._sweep_above:
            self._sweep()

    def left(self, key: bytes) -> int | None:
        """The microseconds until the deadline of a key that is there, None if it has none."""
        deadline = self._deadlines.get(key)
        return None if deadline is None else deadline - self._now()

    def listed(self) -> list[bytes]:
        """All keys, in the order in which they came to be."""
        self._sweep()
        return list(self._values)

    def take_over(self, other: Keyspace) -> None:
        """Hold what another one holds, until the same deadlines; neither changes what the other has."""
        self._values = {key: copy.copy(value) for key, value in other._values.items()}
        self._deadlines = dict(other._deadlines)

    def clear(self) -> None:
        """Forget everything."""
        self._values.clear()
        self._deadlines.clear()

    def _sweep(self) -> None:
        now = self._now()
        for key in [key for key, deadline in self._deadlines.items() if deadline <= now]:
            self.remove(key)
        self._sweep_above = max(FIRST_SWEEP, 2 * len(self._deadlines))
