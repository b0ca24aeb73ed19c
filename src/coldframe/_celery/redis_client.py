"""A Redis in memory, for Celery's own Redis result backend: the backend's class stays, its client is replaced.

The client answers as redis-py's `Redis` with `decode_responses=False`, for the commands that Celery 5.4 to 5.7
uses and those that tasks and tests commonly send through `app.backend.client`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Self

from coldframe._celery.redis_collections import CollectionCommands
from coldframe._celery.redis_keyspace import (
    MILLISECOND,
    SECOND,
    TYPE_NAMES,
    Encodable,
    Keyspace,
    Span,
    data_error,
    glob,
    reply_error,
    to_bytes,
    to_integer,
    to_micros,
)
from coldframe._celery.redis_pipeline import Pipeline, Script
from coldframe._celery.redis_pubsub import Channels, ConnectionPool, PubSub, Reader
from coldframe._celery.redis_scripts import ScriptBody, ported
from coldframe.errors import SetupError

__all__ = ["Pipeline", "PubSub", "RedisClient", "RedisServer"]


class RedisServer:
    """One database of a simulated Redis.

    Args:
        now: Says what virtual time it is, in microseconds.
    """

    def __init__(self, now: Callable[[], int]) -> None:
        self.keyspace = Keyspace(now)
        self.channels = Channels()

    @property
    def on_message(self) -> Reader | None:
        """Called with a PubSub after something was put into its queue."""
        return self.channels.on_message

    @on_message.setter
    def on_message(self, reader: Reader | None) -> None:
        self.channels.on_message = reader

    def client(self) -> RedisClient:
        """A client of this server, with connections of its own."""
        return RedisClient(self)


class RedisClient(CollectionCommands):
    """Answers as a `redis.Redis` that is connected to the server; opens no socket."""

    def __init__(self, server: RedisServer) -> None:
        self.server = server
        self.connection_pool = ConnectionPool(server.channels)
        self._keys = server.keyspace

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    # --- any key ----------------------------------------------------------------------------------------

    def delete(self, *names: Encodable) -> int:
        """Remove keys; returns how many were there."""
        count = self.exists(*names)
        for name in names:
            self._keys.remove(to_bytes(name))
        return count

    def exists(self, *names: Encodable) -> int:
        """How many of the keys are there; one that is named twice counts twice."""
        return sum(self._keys.read(to_bytes(name)) is not None for name in names)

    def expire(self, name: Encodable, time: Span) -> bool:
        """Let a key end after some seconds; at once if they are not above zero."""
        key, micros = to_bytes(name), to_micros(time, SECOND)
        if self._keys.read(key) is None:
            return False
        if micros > 0:
            self._keys.end_in(key, micros)
        else:
            self._keys.remove(key)
        return True

    def ttl(self, name: Encodable) -> int:
        """The seconds a key has left; -1 if it stays for ever, -2 if it is not there."""
        key = to_bytes(name)
        if self._keys.read(key) is None:
            return -2
        left = self._keys.left(key)
        return -1 if left is None else (left + SECOND // 2) // SECOND

    def type(self, name: Encodable) -> bytes:
        """The name of the type of a key's value."""
        return TYPE_NAMES.get(type(self._keys.read(to_bytes(name))), b"none")

    def keys(self, pattern: Encodable = "*") -> list[bytes]:
        """The keys that match a pattern, in the order in which they came to be."""
        matches = glob(pattern).fullmatch
        return [key for key in self._keys.listed() if matches(key)]

    def scan_iter(self, match: Encodable | None = None, count: int | None = None) -> Iterator[bytes]:
        """The keys that match a pattern, one by one."""
        return iter(self.keys("*" if match is None else match))

    def flushdb(self) -> bool:
        """Remove all keys."""
        self._keys.clear()
        return True

    # --- strings ----------------------------------------------------------------------------------------

    def get(self, name: Encodable) -> bytes | None:
        """The value of a key."""
        return self._keys.read_as(to_bytes(name), bytes)

    def mget(self, keys: Encodable | Iterable[Encodable], *args: Encodable) -> list[bytes | None]:
        """The values of keys; None for those that are not there or hold no string."""
        first: Iterable[Encodable] = [keys] if isinstance(keys, (str, bytes)) else keys  # type: ignore[assignment]
        values = [self._keys.read(to_bytes(name)) for name in [*first, *args]]
        return [value if isinstance(value, bytes) else None for value in values]

    def set(
        self,
        name: Encodable,
        value: Encodable,
        ex: Span | None = None,
        px: Span | None = None,
        *,
        nx: bool = False,
        xx: bool = False,
    ) -> bool | None:
        """Give a key a value, for some time or for ever; None if `nx` or `xx` forbade it."""
        key, data = to_bytes(name), to_bytes(value)
        if nx and xx:
            raise data_error("``nx`` and ``xx`` are mutually exclusive.")
        micros = self._lifetime("set", ex, px)
        if (nx or xx) and (self._keys.read(key) is None) is xx:
            return None
        self._keys.write(key, data)
        if micros is not None:
            self._keys.end_in(key, micros)
        return True

    def setex(self, name: Encodable, time: Span, value: Encodable) -> bool:
        """Give a key a value for some seconds."""
        key, data = to_bytes(name), to_bytes(value)
        micros = to_micros(time, SECOND)
        if micros <= 0:
            raise reply_error("invalid expire time in 'setex' command")
        self._keys.write(key, data)
        self._keys.end_in(key, micros)
        return True

    def incr(self, name: Encodable, amount: int = 1) -> int:
        """Add to the number in a key; one that is not there counts as 0."""
        key = to_bytes(name)
        number = to_integer(self._keys.read_as(key, bytes) or b"0") + to_integer(amount)
        self._keys.update(key, b"%d" % number)
        return number

    incrby = incr

    def decr(self, name: Encodable, amount: int = 1) -> int:
        """Take from the number in a key."""
        return self.incr(name, -amount)

    decrby = decr

    def _lifetime(self, command: str, ex: Span | None, px: Span | None) -> int | None:
        if ex is None and px is None:
            return None
        if ex is not None and px is not None:
            raise reply_error("syntax error")
        micros = to_micros(ex, SECOND) if ex is not None else to_micros(px or 0, MILLISECOND)
        if micros <= 0:
            raise reply_error(f"invalid expire time in '{command}' command")
        return micros

    # --- messages, scripts, pipelines -------------------------------------------------------------------

    def publish(self, channel: Encodable, message: Encodable) -> int:
        """Send a message to all who listen to a channel; returns how many they are."""
        return self.server.channels.publish(channel, message)

    def pubsub(self, *, ignore_subscribe_messages: bool = False) -> PubSub:
        """A subscriber that listens to nothing yet."""
        channels = self.server.channels
        return PubSub(channels, self.connection_pool, ignore_subscribe_messages=ignore_subscribe_messages)

    def pipeline(self, *, transaction: bool = True) -> Pipeline:
        """Commands that are kept until `execute`, and then run with nothing in between."""
        return Pipeline(self)

    def register_script(self, script: str | bytes) -> Script:
        """One of Celery's Lua scripts, to be called.

        Raises:
            SetupError: The script is none of those known.
        """
        return Script(self, ported(script))

    def eval(self, script: str | bytes, numkeys: int, *keys_and_args: Encodable) -> object:
        """Run one of Celery's Lua scripts."""
        return self.run_script(ported(script), keys_and_args[:numkeys], keys_and_args[numkeys:])

    def run_script(self, body: ScriptBody, keys: Iterable[Encodable], args: Iterable[Encodable]) -> object:
        """Run the Python function that stands for a script."""
        return body(self, [to_bytes(key) for key in keys], [to_bytes(arg) for arg in args])

    def execute_command(self, *args: Encodable) -> object:
        """Run a command by its name.

        Raises:
            SetupError: The command is not one of those that can be sent this way.
        """
        name, *rest = [to_bytes(arg).decode() for arg in args]
        words = [*name.upper().split(), *rest]
        if words[:2] == ["PUBSUB", "CHANNELS"]:
            return self.server.channels.names(*words[2:])
        raise SetupError(
            f"The Redis on the bench does not take {words[0]!r} through execute_command.",
            hint=f"Call the client's method for it, such as client.get(...), if there is one for {words[0]!r}.",
        )

    def ping(self) -> bool:
        """Say that the server is there."""
        return True

    def close(self) -> None:
        """Nothing: there is no connection to close."""
