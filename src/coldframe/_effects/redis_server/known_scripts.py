"""Lua scripts of well-known libraries, in Python: each does what its original does.

A script is known by the digest of its words, so that an edited one is noticed and a re-indented one is not.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

from coldframe._celery.redis_keyspace import MILLISECOND, SortedSet, to_integer
from coldframe._effects.redis_server.table import Call

Body = Callable[[Call, list[bytes], list[bytes]], Any]

#: Where redis-py's locks keep their scripts.
LOCK_SCRIPTS = ("LUA_RELEASE_SCRIPT", "LUA_EXTEND_SCRIPT", "LUA_REACQUIRE_SCRIPT")


def sha_of(text: str) -> bytes:
    """The name by which a script is called."""
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest().encode()


# --- redis-py: locks -----------------------------------------------------------------------------------------


def _is_mine(call: Call, keys: list[bytes], args: list[bytes]) -> bool:
    return call.keys.read_as(keys[0], bytes) == args[0]


def release(call: Call, keys: list[bytes], args: list[bytes]) -> int:
    """Give a lock back, if it is still held with this token."""
    if not _is_mine(call, keys, args):
        return 0
    call.keys.remove(keys[0])
    return 1


def extend(call: Call, keys: list[bytes], args: list[bytes]) -> int:
    """Hold a lock for longer, or for another span."""
    left = call.keys.left(keys[0])
    if not _is_mine(call, keys, args) or left is None:
        return 0
    more = to_integer(args[1]) * MILLISECOND
    call.keys.end_in(keys[0], more if args[2] != b"0" else left + more)
    return 1


def reacquire(call: Call, keys: list[bytes], args: list[bytes]) -> int:
    """Hold a lock for its whole span again."""
    if not _is_mine(call, keys, args):
        return 0
    call.keys.end_in(keys[0], to_integer(args[1]) * MILLISECOND)
    return 1


# --- channels_redis: groups ----------------------------------------------------------------------------------


def group_send(call: Call, keys: list[bytes], args: list[bytes]) -> int:
    """Put a message into each channel that is not full; how many are."""
    count = len(keys)
    now, expiry = args[-2], to_integer(args[-1])
    full = 0
    for key, message, capacity in zip(keys, args[:count], args[count : 2 * count], strict=True):
        if call.client.zcard(key) < to_integer(capacity):
            call.client.zadd(key, {message: now})
            call.client.expire(key, expiry)
        else:
            full += 1
    return full


def put_back(call: Call, keys: list[bytes], args: list[bytes]) -> None:
    """Messages that were taken and not handled are in their channel again."""
    channel, backup = args
    held = call.keys.read_as(backup, SortedSet)
    if held:
        call.keys.open(channel, SortedSet).update(held)
    call.keys.remove(backup)


def flush(call: Call, keys: list[bytes], args: list[bytes]) -> None:
    """Remove all keys that match."""
    call.client.delete(*call.client.keys(args[0]))


KNOWN: dict[str, Body] = {
    "2aef8d7ce63503709a01cbf6ad6bb4b93d5c3909": release,
    "829408cc83d4524666232bd8beebe3bcf873ac70": extend,
    "042112cf75a3fdabb4e02600ce494eff4b2d2906": reacquire,
    "33ce775bc9b43441f7d5abf901ba299582c8562b": group_send,
    "eed9a5bf1f67d97a42eb50e3a59d53d708c636da": put_back,
    "854937a011232e41f72c568bdb17344a91ae7a7f": flush,
}
