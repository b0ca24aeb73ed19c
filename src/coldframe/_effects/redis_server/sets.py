"""Commands for sets. Members come in the order of their bytes: that of a set differs from process to process."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from coldframe._celery.redis_keyspace import Set, to_integer
from coldframe._effects.redis_server.keys import scan_options
from coldframe._effects.redis_server.table import Call, command, counted, every, first_two
from coldframe._effects.redis_server.wire import Members


def members_of(call: Call, key: bytes) -> set[bytes]:
    """The members of a set."""
    return call.keys.read_as(key, Set) or Set()


def _remove(call: Call, key: bytes, doomed: list[bytes]) -> int:
    members = members_of(call, key)
    there = members & set(doomed)
    members -= there
    if isinstance(members, Set):
        call.keys.remove_if_empty(key, members)
    return len(there)


@command("SADD", 2, None, writes=True)
def sadd(call: Call, words: list[bytes]) -> int:
    """Add members."""
    return call.client.sadd(*words)


@command("SREM", 2, None, writes=True)
def srem(call: Call, words: list[bytes]) -> int:
    """Remove members."""
    return _remove(call, words[0], words[1:])


@command("SMEMBERS", 1, writes=False)
def smembers(call: Call, words: list[bytes]) -> Members:
    """All members."""
    return Members(sorted(members_of(call, words[0])))


@command("SCARD", 1, writes=False)
def scard(call: Call, words: list[bytes]) -> int:
    """How many members there are."""
    return len(members_of(call, words[0]))


@command("SISMEMBER", 2, writes=False)
def sismember(call: Call, words: list[bytes]) -> int:
    """Whether something is a member."""
    return int(words[1] in members_of(call, words[0]))


@command("SMISMEMBER", 2, None, writes=False)
def smismember(call: Call, words: list[bytes]) -> list[int]:
    """Which of some things are members."""
    members = members_of(call, words[0])
    return [int(word in members) for word in words[1:]]


@command("SPOP", 1, 2, writes=True)
def spop(call: Call, words: list[bytes]) -> Any:
    """Take members at random."""
    members = sorted(members_of(call, words[0]))
    count = min(to_integer(words[1]) if len(words) > 1 else 1, len(members))
    taken = call.chance.sample(members, count)
    _remove(call, words[0], taken)
    return Members(taken) if len(words) > 1 else taken[0] if taken else None


@command("SRANDMEMBER", 1, 2, writes=False)
def srandmember(call: Call, words: list[bytes]) -> Any:
    """Members at random; below zero, one may come several times."""
    members = sorted(members_of(call, words[0]))
    if len(words) == 1:
        return call.chance.choice(members) if members else None
    count = to_integer(words[1])
    if count < 0:
        return [call.chance.choice(members) for _ in range(-count)] if members else []
    return call.chance.sample(members, min(count, len(members)))


@command("SMOVE", 3, writes=True, keys=first_two)
def smove(call: Call, words: list[bytes]) -> int:
    """Move a member to another set."""
    source, target, member = words
    if not _remove(call, source, [member]):
        return 0
    call.client.sadd(target, member)
    return 1


@command("SSCAN", 2, None, writes=False)
def sscan(call: Call, words: list[bytes]) -> list[Any]:
    """The members, all at once."""
    matches, _ = scan_options(words[2:])
    return [b"0", [member for member in sorted(members_of(call, words[0])) if matches(member)]]


def _combined(call: Call, keys: list[bytes], combine: Callable[..., set[bytes]]) -> set[bytes]:
    first, *others = (members_of(call, key) for key in keys)
    return combine(set(first), *others)


def _stored(call: Call, target: bytes, members: set[bytes]) -> int:
    call.keys.remove(target)
    return call.client.sadd(target, *sorted(members)) if members else 0


COMBINATIONS: dict[str, Callable[..., set[bytes]]] = {
    "SINTER": set.intersection,
    "SUNION": set.union,
    "SDIFF": set.difference,
}


@command("SINTER SUNION SDIFF", 1, None, writes=False, keys=every)
def combined(call: Call, words: list[bytes]) -> Members:
    """What sets have in common, have together, or what only the first has."""
    return Members(sorted(_combined(call, words, COMBINATIONS[call.session.command])))


@command("SINTERSTORE SUNIONSTORE SDIFFSTORE", 2, None, writes=True, keys=every)
def stored(call: Call, words: list[bytes]) -> int:
    """The same, kept under the first key."""
    combine = COMBINATIONS[call.session.command.removesuffix("STORE")]
    return _stored(call, words[0], _combined(call, words[1:], combine))


@command("SINTERCARD", 2, None, writes=False, keys=counted)
def sintercard(call: Call, words: list[bytes]) -> int:
    """How many members sets have in common, counted up to a limit."""
    keys = list(counted(words))
    found = len(_combined(call, keys, set.intersection))
    limit = to_integer(words[-1]) if len(words) > len(keys) + 1 else 0
    return min(found, limit) if limit else found
