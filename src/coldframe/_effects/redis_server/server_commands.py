"""Commands for connections, transactions, channels and the server itself."""

from __future__ import annotations

from typing import Any

from coldframe._celery.redis_keyspace import glob, reply_error, to_integer
from coldframe._core.moments import SECOND
from coldframe._effects.redis_server import unknown
from coldframe._effects.redis_server.table import Call, command, every, none
from coldframe._effects.redis_server.wire import OK, Status

VERSION = b"7.4.0"


@command("PING", 0, 1, writes=None, keys=none)
def ping(call: Call, words: list[bytes]) -> Any:
    """Say that the server is there."""
    session = call.session
    if session.protocol == 2 and (session.channels or session.patterns):
        return [b"pong", words[0] if words else b""]
    return words[0] if words else Status("PONG")


@command("ECHO", 1, writes=None, keys=none)
def echo(call: Call, words: list[bytes]) -> bytes:
    """Say the same."""
    return words[0]


@command("HELLO", 0, None, writes=None, keys=none)
def hello(call: Call, words: list[bytes]) -> dict[bytes, Any]:
    """Agree on a version of the protocol; who it is does not matter."""
    if words and words[0] not in {b"2", b"3"}:
        raise reply_error("NOPROTO unsupported protocol version")
    if words:
        call.session.protocol = int(words[0])
    return {
        b"server": b"redis",
        b"version": VERSION,
        b"proto": call.session.protocol,
        b"id": 1,
        b"mode": b"standalone",
        b"role": b"master",
        b"modules": [],
    }


@command("AUTH READONLY READWRITE", 0, 2, writes=None, keys=none)
def auth(call: Call, words: list[bytes]) -> Any:
    """Let everybody in."""
    return OK


@command("SELECT", 1, writes=None, keys=none)
def select(call: Call, words: list[bytes]) -> Any:
    """Use another database."""
    call.session.database = to_integer(words[0])
    return OK


@command("CLIENT", 1, None, writes=None, keys=none)
def client(call: Call, words: list[bytes]) -> Any:
    """What clients say of themselves when they connect."""
    match words[0].upper():
        case b"ID":
            return 1
        case b"GETNAME":
            return None
        case b"SETNAME" | b"SETINFO" | b"NO-EVICT" | b"NO-TOUCH":
            return OK
    raise reply_error(f"unknown subcommand '{words[0].decode()}'. Try CLIENT HELP.")


@command("QUIT RESET", 0, writes=None, keys=none)
def leave(call: Call, words: list[bytes]) -> Any:
    """Forget what the connection is in the middle of."""
    session = call.session
    session.queue, session.watched = None, {}
    session.channels.clear()
    session.patterns.clear()
    return OK if session.command == "QUIT" else Status("RESET")


@command("TIME", 0, writes=None, keys=none)
def time(call: Call, words: list[bytes]) -> list[bytes]:
    """Virtual time in seconds and microseconds."""
    seconds, micros = divmod(call.now(), SECOND)
    return [b"%d" % seconds, b"%d" % micros]


@command("INFO", 0, None, writes=None, keys=none)
def info(call: Call, words: list[bytes]) -> bytes:
    """A few words about the server."""
    lines = [b"# Server", b"redis_version:" + VERSION, b"redis_mode:standalone", b"# Replication", b"role:master"]
    return b"\r\n".join(
        [*lines, b"# Keyspace", b"db%d:keys=%d" % (call.session.database, len(call.keys.listed())), b""]
    )


@command("FLUSHALL", 0, 1, writes=True, keys=none)
def flushall(call: Call, words: list[bytes]) -> Any:
    """Remove all keys of all databases."""
    for store in call.session.server.databases():
        store.keyspace.clear()
    call.session.server.wrote_all()
    return OK


# --- transactions --------------------------------------------------------------------------------------------


@command("MULTI", 0, writes=None, keys=none)
def multi(call: Call, words: list[bytes]) -> Any:
    """Keep what follows for later."""
    if call.session.queue is not None:
        raise reply_error("MULTI calls can not be nested")
    call.session.queue = []
    return OK


@command("EXEC", 0, writes=None, keys=none)
def execute(call: Call, words: list[bytes]) -> Any:
    """Run what was kept."""
    return call.session.execute()


@command("DISCARD", 0, writes=None, keys=none)
def discard(call: Call, words: list[bytes]) -> Any:
    """Forget what was kept."""
    if call.session.queue is None:
        raise reply_error("DISCARD without MULTI")
    call.session.queue, call.session.watched, call.session.is_spoiled = None, {}, False
    return OK


@command("WATCH", 1, None, writes=False, keys=every)
def watch(call: Call, words: list[bytes]) -> Any:
    """Let the transaction come to nothing if one of these keys changes before it."""
    session = call.session
    if session.queue is not None:
        raise reply_error("WATCH inside MULTI is not allowed")
    for key in words:
        session.watched[session.database, key] = session.server.version(session.database, key)
    return OK


@command("UNWATCH", 0, writes=None, keys=none)
def unwatch(call: Call, words: list[bytes]) -> Any:
    """Watch nothing any more."""
    call.session.watched = {}
    return OK


# --- channels ------------------------------------------------------------------------------------------------


@command("PUBLISH", 2, writes=True)
def publish(call: Call, words: list[bytes]) -> int:
    """Send a message to all who listen."""
    return call.session.server.publish(*words)


@command("PUBSUB", 1, None, writes=None, keys=none)
def pubsub(call: Call, words: list[bytes]) -> Any:
    """Who listens to what."""
    kind, *rest = words
    sessions = call.session.server.sessions
    if kind.upper() == b"CHANNELS":
        matches = glob(rest[0] if rest else b"*").fullmatch
        return sorted({channel for session in sessions for channel in session.channels if matches(channel)})
    if kind.upper() == b"NUMPAT":
        return len({pattern for session in sessions for pattern in session.patterns})
    if kind.upper() == b"NUMSUB":
        counts = ((channel, sum(channel in session.channels for session in sessions)) for channel in rest)
        return [part for pair in counts for part in pair]
    raise unknown.command(f"PUBSUB {kind.decode()}", call.session.server.address)


@command("SUBSCRIBE PSUBSCRIBE", 1, None, writes=None, keys=none)
def subscribe(call: Call, words: list[bytes]) -> Any:
    """Listen to channels, or to all whose names match."""
    session = call.session
    kept = session.patterns if session.command == "PSUBSCRIBE" else session.channels
    for name in words:
        kept[name] = None
        session.push([session.command.lower().encode(), name, len(session.channels) + len(session.patterns)])
    return NotImplemented


@command("UNSUBSCRIBE PUNSUBSCRIBE", 0, None, writes=None, keys=none)
def unsubscribe(call: Call, words: list[bytes]) -> Any:
    """Listen no longer; without names, to nothing."""
    session = call.session
    kept = session.patterns if session.command == "PUNSUBSCRIBE" else session.channels
    kind = session.command.lower().encode()
    names: list[Any] = [*words] or [*kept] or [None]
    for name in names:
        if name is not None:
            kept.pop(name, None)
        session.push([kind, name, len(session.channels) + len(session.patterns)])
    return NotImplemented
