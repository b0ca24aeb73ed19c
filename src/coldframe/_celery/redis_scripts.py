"""Celery's Lua scripts for Redis, in Python: each does what its original does, command by command.

Celery 5.7.0 was the first to use scripts. A script is known by the SHA-1 of its text with all white space
made single blanks, so that an edited script is noticed and a re-indented one is not.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import TYPE_CHECKING

from coldframe._celery.redis_keyspace import reply_error
from coldframe.errors import SetupError

if TYPE_CHECKING:
    from coldframe._celery.redis_client import RedisClient

ScriptBody = Callable[["RedisClient", list[bytes], list[bytes]], object]


def chord_part_return(client: RedisClient, keys: list[bytes], args: list[bytes]) -> object:
    """Record the result of a header task once, and claim the callback if it was the last one."""
    results_key, diff_key, size_key, done_key, group_key, claim_key = keys
    task_id, value, ordered, score = args[:4]
    expires, group_expires, claim_expires = (_integer(arg) for arg in args[4:7])
    if client.get(claim_key) == b"done":
        return [-1, 0, 0, 0]
    member = task_id + b":" + score
    if not client.sismember(done_key, member):
        if ordered == b"1":
            client.zadd(results_key, {value: score})
        else:
            client.rpush(results_key, value)
        client.sadd(done_key, member)
    ready_count = client.zcard(results_key) if ordered == b"1" else client.llen(results_key)
    if expires > 0:
        for key in (results_key, diff_key, size_key, done_key):
            client.expire(key, expires)
        if group_expires > 0:
            client.expire(group_key, group_expires)
    total_diff, size = client.get(diff_key), client.get(size_key)
    complete = size is not None and ready_count == _integer(size) + _integer(total_diff or b"0")
    claimed = complete and client.set(claim_key, args[7], nx=True, ex=claim_expires)
    return [ready_count, total_diff, size, 1 if claimed else 0]


def chord_cleanup(client: RedisClient, keys: list[bytes], args: list[bytes]) -> object:
    """Remove a chord's data if the claim on it is still held, and leave a mark against late copies."""
    claim_key, *data_keys = keys
    token, done_expires = args[0], _integer(args[1])
    if client.get(claim_key) != token:
        return 0
    client.delete(*data_keys)
    if done_expires > 0:
        client.set(claim_key, b"done", ex=done_expires)
    return 1


def chord_claim_extend(client: RedisClient, keys: list[bytes], args: list[bytes]) -> object:
    """Hold a claim for longer, or take it again if it ended while the chord's data are still there."""
    claim_key, size_key = keys
    token, expires = args[0], _integer(args[1])
    holder = client.get(claim_key)
    if holder == token:
        return 1 if client.expire(claim_key, expires) else 0
    if holder is None and client.exists(size_key) == 1:
        return 1 if client.set(claim_key, token, ex=expires, nx=True) else 0
    return 0


PORTED: dict[str, ScriptBody] = {
    "34d8da12975b91962926be27b602d479938d0b11": chord_part_return,
    "89c6e0b9d547403b2d6b816f0f0ab948fb7fb634": chord_cleanup,
    "b831d5c9eba2b4a82920cd7d10358ab9503c57a1": chord_claim_extend,
}


def ported(text: str | bytes) -> ScriptBody:
    """The Python function that stands for a Lua script.

    Raises:
        SetupError: The script is none of those known.
    """
    source = text.decode() if isinstance(text, bytes) else text
    sha = hashlib.sha1(" ".join(source.split()).encode(), usedforsecurity=False).hexdigest()
    body = PORTED.get(sha)
    if body is not None:
        return body
    from celery import __version__

    first_line = next((line.strip() for line in source.splitlines() if line.strip()), "")
    raise SetupError(
        f"Celery {__version__} uses a Redis script that the bench does not know: {first_line!r} (SHA-1 {sha}).",
        hint=f"Install a coldframe that knows Celery {__version__}, "
        'or give the app of this test result_backend="cache+memory://".',
    )


def _integer(text: bytes) -> int:
    """A number as Lua reads it; Celery only sends whole ones."""
    try:
        return int(float(text))
    except ValueError:
        raise reply_error("attempt to perform arithmetic on a nil value") from None
