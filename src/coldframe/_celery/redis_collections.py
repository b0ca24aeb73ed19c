"""The commands of a simulated Redis for lists, sets, sorted sets and hashes."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from coldframe._celery.redis_keyspace import (
    Encodable,
    Hash,
    Keyspace,
    List,
    Set,
    SortedSet,
    data_error,
    reply_error,
    to_bytes,
    to_integer,
    to_score,
)

Scored = list[tuple[bytes, float]]


def between(length: int, start: Encodable, end: Encodable) -> slice:
    """The slice for two Redis positions: both are meant, and below zero they count from the end."""
    first, last = to_integer(start), to_integer(end)
    if first < 0:
        first = max(0, first + length)
    if last < 0:
        last += length
    return slice(first, max(first, last + 1))


def encoded(command: str, values: tuple[Encodable, ...]) -> list[bytes]:
    """The arguments of a command that needs at least one."""
    if not values:
        raise reply_error(f"wrong number of arguments for '{command}' command")
    return [to_bytes(value) for value in values]


def above(bound: Encodable) -> Callable[[float], bool]:
    """Whether a score is not below a bound, or above it for a bound like `(5`."""
    text = to_bytes(bound)
    limit = to_score(text.removeprefix(b"("))
    return (lambda score: score > limit) if text.startswith(b"(") else (lambda score: score >= limit)


def below(bound: Encodable) -> Callable[[float], bool]:
    """Whether a score is not above a bound, or below it for a bound like `(5`."""
    text = to_bytes(bound)
    limit = to_score(text.removeprefix(b"("))
    return (lambda score: score < limit) if text.startswith(b"(") else (lambda score: score <= limit)


class CollectionCommands:
    """What a client can do with values that hold several things."""

    _keys: Keyspace

    # --- lists ------------------------------------------------------------------------------------------

    def rpush(self, name: Encodable, *values: Encodable) -> int:
        """Put values at the end of a list; returns its length."""
        elements = encoded("rpush", values)
        items = self._keys.open(to_bytes(name), List)
        items.extend(elements)
        return len(items)

    def lpush(self, name: Encodable, *values: Encodable) -> int:
        """Put values at the start of a list, one after another; returns its length."""
        elements = encoded("lpush", values)
        items = self._keys.open(to_bytes(name), List)
        items[:0] = reversed(elements)
        return len(items)

    def lpop(self, name: Encodable) -> bytes | None:
        """Take the first value of a list."""
        return self._pop(name, 0)

    def rpop(self, name: Encodable) -> bytes | None:
        """Take the last value of a list."""
        return self._pop(name, -1)

    def _pop(self, name: Encodable, position: int) -> bytes | None:
        key = to_bytes(name)
        items = self._keys.read_as(key, List)
        if items is None:
            return None
        value = items.pop(position)
        self._keys.remove_if_empty(key, items)
        return value

    def llen(self, name: Encodable) -> int:
        """The length of a list."""
        return len(self._keys.read_as(to_bytes(name), List) or ())

    def lrange(self, name: Encodable, start: int, end: int) -> list[bytes]:
        """The values of a list between two positions, both included."""
        items: list[bytes] = self._keys.read_as(to_bytes(name), List) or []
        return list(items[between(len(items), start, end)])

    def lrem(self, name: Encodable, count: int, value: Encodable) -> int:
        """Remove equal values from a list: so many from the start, from the end if below zero, all if zero."""
        key, unwanted = to_bytes(name), to_bytes(value)
        items = self._keys.read_as(key, List)
        if items is None:
            return 0
        places = [place for place, item in enumerate(items) if item == unwanted]
        doomed = places[count:] if count < 0 else places[: count or None]
        for place in reversed(doomed):
            del items[place]
        self._keys.remove_if_empty(key, items)
        return len(doomed)

    # --- sorted sets ------------------------------------------------------------------------------------

    def zadd(self, name: Encodable, mapping: Mapping[Encodable, Encodable], *, nx: bool = False) -> int:
        """Give members scores; with `nx` only new ones. Returns how many are new."""
        if not mapping:
            raise data_error("ZADD requires at least one element/score pair")
        scores = {to_bytes(member): to_score(score) for member, score in mapping.items()}
        members = self._keys.open(to_bytes(name), SortedSet)
        before = len(members)
        members.update({**scores, **members} if nx else scores)
        return len(members) - before

    def zcard(self, name: Encodable) -> int:
        """How many members a sorted set has."""
        return len(self._keys.read_as(to_bytes(name), SortedSet) or ())

    def zcount(self, name: Encodable, min: Encodable, max: Encodable) -> int:
        """How many members have scores between two bounds."""
        members = self._keys.read_as(to_bytes(name), SortedSet)
        if members is None:
            return 0
        if min == "-inf" and max == "+inf":
            return len(members)
        high_enough, low_enough = above(min), below(max)
        return sum(high_enough(score) and low_enough(score) for score in members.values())

    def zrange(
        self, name: Encodable, start: int, end: int, *, desc: bool = False, withscores: bool = False
    ) -> list[bytes] | Scored:
        """The members between two ranks, both included."""
        members = self._keys.read_as(to_bytes(name), SortedSet)
        ranked = members.in_order() if members is not None else []
        if desc:
            ranked.reverse()
        chosen = ranked[between(len(ranked), start, end)]
        return chosen if withscores else [member for member, _ in chosen]

    # --- sets -------------------------------------------------------------------------------------------

    def sadd(self, name: Encodable, *values: Encodable) -> int:
        """Add members to a set; returns how many are new."""
        added = encoded("sadd", values)
        members = self._keys.open(to_bytes(name), Set)
        before = len(members)
        members.update(added)
        return len(members) - before

    def sismember(self, name: Encodable, value: Encodable) -> int:
        """1 if a set has a member, else 0."""
        member = to_bytes(value)
        return int(member in (self._keys.read_as(to_bytes(name), Set) or ()))

    def smembers(self, name: Encodable) -> set[bytes]:
        """The members of a set."""
        return set(self._keys.read_as(to_bytes(name), Set) or ())

    # --- hashes -----------------------------------------------------------------------------------------

    def hset(
        self,
        name: Encodable,
        key: Encodable | None = None,
        value: Encodable | None = None,
        mapping: Mapping[Encodable, Encodable] | None = None,
    ) -> int:
        """Set one field of a hash, or many; returns how many are new."""
        pairs = {to_bytes(field): to_bytes(given) for field, given in (mapping or {}).items()}
        if key is not None and value is not None:
            pairs[to_bytes(key)] = to_bytes(value)
        if not pairs:
            raise data_error("'hset' with no key value pairs")
        fields = self._keys.open(to_bytes(name), Hash)
        before = len(fields)
        fields.update(pairs)
        return len(fields) - before

    def hget(self, name: Encodable, key: Encodable) -> bytes | None:
        """The value of one field of a hash."""
        return self.hgetall(name).get(to_bytes(key))

    def hgetall(self, name: Encodable) -> dict[bytes, bytes]:
        """All fields of a hash."""
        return dict(self._keys.read_as(to_bytes(name), Hash) or {})

    def hdel(self, name: Encodable, *keys: Encodable) -> int:
        """Remove fields of a hash; returns how many were there."""
        key, doomed = to_bytes(name), encoded("hdel", keys)
        fields = self._keys.read_as(key, Hash)
        if fields is None:
            return 0
        count = sum(fields.pop(field, None) is not None for field in doomed)
        self._keys.remove_if_empty(key, fields)
        return count
