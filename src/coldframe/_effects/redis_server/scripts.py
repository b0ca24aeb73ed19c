"""Lua scripts: those of well-known libraries and of Celery in Python, and any other with lupa."""

from __future__ import annotations

import hashlib
import sys
from typing import Any

from coldframe._celery.redis_keyspace import reply_error, to_integer
from coldframe._celery.redis_scripts import PORTED
from coldframe._effects.redis_server import unknown
from coldframe._effects.redis_server.known_scripts import KNOWN, LOCK_SCRIPTS, sha_of
from coldframe._effects.redis_server.table import Call, command, counted_second, none
from coldframe._effects.redis_server.wire import OK


def digest(text: str) -> str:
    """A script's digest; the same one indented in another way is the same."""
    return hashlib.sha1(" ".join(text.split()).encode(), usedforsecurity=False).hexdigest()


def loaded(call: Call, sha: bytes) -> str | None:
    """The text of a script that is known by its name: redis-py's locks need not load theirs first."""
    held = call.session.server.scripts.get(sha.lower())
    module = sys.modules.get("redis.lock")
    if held is None and module is not None:
        texts = (getattr(module.Lock, name, "") for name in LOCK_SCRIPTS)
        held = next((text for text in texts if sha_of(text) == sha.lower()), None)
    return held


def run(call: Call, text: str, words: list[bytes]) -> Any:
    """Run a script."""
    count = to_integer(words[0])
    if count < 0 or count > len(words) - 1:
        raise reply_error("Number of keys can't be greater than number of args")
    keys, args = words[1 : count + 1], words[count + 1 :]
    known = digest(text)
    if known in KNOWN:
        return KNOWN[known](call, keys, args)
    if known in PORTED:
        return PORTED[known](call.client, keys, args)
    from coldframe._effects.redis_server import lua

    if not lua.is_there():
        raise unknown.script(text, call.session.server.address)
    return lua.run(call.session, text, keys, args)


@command("EVAL", 2, None, writes=True, keys=counted_second)
def evaluate(call: Call, words: list[bytes]) -> Any:
    """Run a script."""
    text = words[0].decode()
    call.session.server.scripts[sha_of(text)] = text
    return run(call, text, words[1:])


@command("EVALSHA", 2, None, writes=True, keys=counted_second)
def evaluate_known(call: Call, words: list[bytes]) -> Any:
    """Run a script that was loaded."""
    text = loaded(call, words[0])
    if text is None:
        raise reply_error("NOSCRIPT No matching script. Please use EVAL.")
    return run(call, text, words[1:])


@command("SCRIPT", 1, None, writes=None, keys=none)
def script(call: Call, words: list[bytes]) -> Any:
    """Load scripts, or ask for them."""
    scripts = call.session.server.scripts
    kind, *rest = words
    if kind.upper() == b"LOAD" and len(rest) == 1:
        sha = sha_of(rest[0].decode())
        scripts[sha] = rest[0].decode()
        return sha
    if kind.upper() == b"EXISTS":
        return [int(loaded(call, sha) is not None) for sha in rest]
    if kind.upper() == b"FLUSH":
        scripts.clear()
        return OK
    raise unknown.command(f"SCRIPT {kind.decode()}", call.session.server.address)
