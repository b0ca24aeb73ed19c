"""Commands for sorted sets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from coldframe._celery.redis_collections import above, below, between
from coldframe._celery.redis_keyspace import SortedSet, reply_error, to_integer, to_score
from coldframe._effects.redis_server import unknown
from coldframe._effects.redis_server.keys import scan_options
from coldframe._effects.redis_server.lists import waiting
from coldframe._effects.redis_server.table import (
    Call,
    all_but_last,
    command,
    counted,
    counted_after_first,
    first_two,
    syntax_error,
)
from coldframe._effects.redis_server.wire import Scored, number

Pairs = list[tuple[bytes, float]]


def scores_of(call: Call, key: bytes) -> SortedSet:
    """Members and scores, to be changed in place if there are any."""
    return call.keys.read_as(key, SortedSet) or SortedSet()


def _remove(call: Call, key: bytes, doomed: list[bytes]) -> int:
    scores = scores_of(call, key)
    count = sum(scores.pop(member, None) is not None for member in doomed)
    call.keys.remove_if_empty(key, scores)
    return count


@command("ZADD", 3, None, writes=True)
def zadd(call: Call, words: list[bytes]) -> Any:
    """Give members scores."""
    key, *rest = words
    flags = set()
    while rest and rest[0].upper() in {b"NX", b"XX", b"GT", b"LT", b"CH", b"INCR"}:
        flags.add(rest.pop(0).upper())
    _check(flags, rest)
    pairs = [(member, to_score(score)) for score, member in zip(rest[::2], rest[1::2], strict=True)]
    call.keys.read_as(key, SortedSet)
    added = changed = 0
    result: float | None = None
    for member, score in pairs:
        before = scores_of(call, key).get(member)
        new = score + (before or 0.0) if b"INCR" in flags else score
        if _is_refused(flags, before, new):
            continue
        call.keys.open(key, SortedSet)[member] = result = new
        added += before is None
        changed += before is not None and before != new
    if b"INCR" in flags:
        return result
    return added + changed if b"CH" in flags else added


def _check(flags: set[bytes], rest: list[bytes]) -> None:
    if len(rest) % 2 or not rest:
        raise syntax_error()
    if {b"NX", b"XX"} <= flags:
        raise reply_error("XX and NX options at the same time are not compatible")
    if len(flags & {b"NX", b"GT", b"LT"}) > 1:
        raise reply_error("GT, LT, and/or NX options at the same time are not compatible")
    if b"INCR" in flags and len(rest) > 2:
        raise reply_error("INCR option supports a single increment-element pair")


def _is_refused(flags: set[bytes], before: float | None, new: float) -> bool:
    if before is None:
        return b"XX" in flags
    return b"NX" in flags or (b"GT" in flags and new <= before) or (b"LT" in flags and new >= before)


@command("ZINCRBY", 3, writes=True)
def zincrby(call: Call, words: list[bytes]) -> float:
    """Add to a score."""
    key, amount, member = words
    score = to_score(amount) + scores_of(call, key).get(member, 0.0)
    call.keys.open(key, SortedSet)[member] = score
    return score


@command("ZREM", 2, None, writes=True)
def zrem(call: Call, words: list[bytes]) -> int:
    """Remove members."""
    return _remove(call, words[0], words[1:])


@command("ZCARD", 1, writes=False)
def zcard(call: Call, words: list[bytes]) -> int:
    """How many members there are."""
    return len(scores_of(call, words[0]))


@command("ZSCORE", 2, writes=False)
def zscore(call: Call, words: list[bytes]) -> float | None:
    """The score of a member."""
    return scores_of(call, words[0]).get(words[1])


@command("ZMSCORE", 2, None, writes=False)
def zmscore(call: Call, words: list[bytes]) -> list[float | None]:
    """The scores of members."""
    scores = scores_of(call, words[0])
    return [scores.get(member) for member in words[1:]]


@command("ZCOUNT", 3, writes=False)
def zcount(call: Call, words: list[bytes]) -> int:
    """How many members have scores between two bounds."""
    return call.client.zcount(*words)


@command("ZRANK ZREVRANK", 2, writes=False)
def zrank(call: Call, words: list[bytes]) -> int | None:
    """The position of a member, from the lowest score or the highest."""
    ranked = [member for member, _ in scores_of(call, words[0]).in_order()]
    if words[1] not in ranked:
        return None
    place = ranked.index(words[1])
    return place if call.session.command == "ZRANK" else len(ranked) - 1 - place


# --- ranges --------------------------------------------------------------------------------------------------


def by_score(pairs: Pairs, low: bytes, high: bytes) -> Pairs:
    """Those between two scores."""
    high_enough, low_enough = above(low), below(high)
    return [pair for pair in pairs if high_enough(pair[1]) and low_enough(pair[1])]


def by_lex(pairs: Pairs, low: bytes, high: bytes) -> Pairs:
    """Those between two members."""
    return [pair for pair in pairs if _is_past(pair[0], low) and not _is_past(pair[0], high, top=True)]


def _is_past(member: bytes, bound: bytes, *, top: bool = False) -> bool:
    if bound in {b"-", b"+"}:
        return bound == b"-"
    if bound[:1] not in {b"[", b"("}:
        raise reply_error("min or max not valid string range item")
    return member > bound[1:] if bound.startswith(b"(") != top else member >= bound[1:]


class Options:
    """What follows the bounds of a range."""

    def __init__(self, words: list[bytes]) -> None:
        self.by, self.reverse, self.with_scores = b"", False, False
        self.limit: slice = slice(None)
        rest = list(words)
        while rest:
            word = rest.pop(0).upper()
            if word in {b"BYSCORE", b"BYLEX"}:
                self.by = word
            elif word == b"REV":
                self.reverse = True
            elif word == b"WITHSCORES":
                self.with_scores = True
            elif word == b"LIMIT" and len(rest) >= 2:
                offset, count = to_integer(rest.pop(0)), to_integer(rest.pop(0))
                self.limit = slice(offset, None if count < 0 else offset + count)
            else:
                raise syntax_error()


def chosen(call: Call, words: list[bytes], options: Options) -> Pairs:
    """The members of a range, with their scores."""
    key, start, stop = words
    pairs = scores_of(call, key).in_order()
    low, high = (stop, start) if options.reverse else (start, stop)
    if options.by:
        pairs = (by_score if options.by == b"BYSCORE" else by_lex)(pairs, low, high)
    if options.reverse:
        pairs.reverse()
    return pairs[options.limit] if options.by else pairs[between(len(pairs), start, stop)]


def _reply(pairs: Pairs, options: Options) -> Any:
    return Scored(pairs) if options.with_scores else [member for member, _ in pairs]


@command("ZRANGE", 3, None, writes=False)
def zrange(call: Call, words: list[bytes]) -> Any:
    """The members of a range."""
    options = Options(words[3:])
    return _reply(chosen(call, words[:3], options), options)


@command("ZRANGESTORE", 4, None, writes=True, keys=first_two)
def zrangestore(call: Call, words: list[bytes]) -> int:
    """The members of a range, kept under another key."""
    return _store(call, words[0], chosen(call, words[1:4], Options(words[4:])))


def _older(extra: list[bytes]) -> Callable[[Call, list[bytes]], Any]:
    def run(call: Call, words: list[bytes]) -> Any:
        return zrange(call, [*words, *extra])

    return run


for _name, _extra in {
    "ZREVRANGE": [b"REV"],
    "ZRANGEBYSCORE": [b"BYSCORE"],
    "ZREVRANGEBYSCORE": [b"BYSCORE", b"REV"],
    "ZRANGEBYLEX": [b"BYLEX"],
    "ZREVRANGEBYLEX": [b"BYLEX", b"REV"],
}.items():
    command(_name, 3, None, writes=False)(_older(_extra))


def _removing(extra: list[bytes]) -> Callable[[Call, list[bytes]], Any]:
    def run(call: Call, words: list[bytes]) -> int:
        return _remove(call, words[0], [member for member, _ in chosen(call, words, Options(extra))])

    return run


for _name, _extra in {"ZREMRANGEBYSCORE": [b"BYSCORE"], "ZREMRANGEBYLEX": [b"BYLEX"], "ZREMRANGEBYRANK": []}.items():
    command(_name, 3, writes=True)(_removing(_extra))


@command("ZSCAN", 2, None, writes=False)
def zscan(call: Call, words: list[bytes]) -> list[Any]:
    """Members and scores, all at once."""
    matches, _ = scan_options(words[2:])
    found = [(member, number(score)) for member, score in scores_of(call, words[0]).in_order() if matches(member)]
    return [b"0", [part for pair in found for part in pair]]


# --- taking and combining ------------------------------------------------------------------------------------


def _take(call: Call, key: bytes, count: int, *, highest: bool) -> Pairs:
    pairs = scores_of(call, key).in_order()
    taken = (pairs[::-1] if highest else pairs)[:count]
    _remove(call, key, [member for member, _ in taken])
    return taken


@command("ZPOPMIN ZPOPMAX", 1, 2, writes=True)
def zpop(call: Call, words: list[bytes]) -> Any:
    """Take the members with the lowest or the highest scores."""
    count = to_integer(words[1]) if len(words) > 1 else 1
    taken = _take(call, words[0], count, highest=call.session.command == "ZPOPMAX")
    return Scored(taken) if len(words) > 1 else [part for pair in taken for part in pair]


@command("BZPOPMIN BZPOPMAX", 2, None, writes=True, keys=all_but_last)
def bzpop(call: Call, words: list[bytes]) -> Any:
    """Take the member with the lowest or the highest score, as soon as there is one."""
    highest = call.session.command == "BZPOPMAX"

    def again() -> list[Any] | None:
        for key in words[:-1]:
            if taken := _take(call, key, 1, highest=highest):
                return [key, *taken[0]]
        return None

    return waiting(again, words[-1])


def _store(call: Call, target: bytes, pairs: Pairs) -> int:
    call.keys.remove(target)
    if pairs:
        call.keys.open(target, SortedSet).update(pairs)
    return len(pairs)


@command("ZUNIONSTORE ZINTERSTORE", 3, None, writes=True, keys=counted_after_first)
def zcombine(call: Call, words: list[bytes]) -> int:
    """Combine sorted sets, adding their scores."""
    keys = list(counted(words, 1))
    if len(words) > len(keys) + 2:
        raise unknown.command(
            f"{call.session.command} with {words[len(keys) + 2].decode()}", call.session.server.address
        )
    held = [scores_of(call, key) for key in keys]
    members = {member for scores in held for member in scores}
    if call.session.command == "ZINTERSTORE":
        members = {member for member in members if all(member in scores for scores in held)}
    totals = [(member, sum(scores.get(member, 0.0) for scores in held)) for member in sorted(members)]
    return _store(call, words[0], totals)
