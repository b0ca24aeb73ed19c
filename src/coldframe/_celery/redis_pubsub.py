"""Publish and subscribe on a simulated Redis: messages go straight into the subscribers' queues."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Self

from coldframe._celery.redis_keyspace import Encodable, glob, to_bytes

Message = dict[str, object]
Reader = Callable[["PubSub"], None]


class Channels:
    """Who listens to which channel of one server.

    Attributes:
        on_message: Called with a PubSub after something was put into its queue.
    """

    __slots__ = ("_subscribers", "on_message")

    def __init__(self) -> None:
        self._subscribers: dict[bytes, dict[PubSub, None]] = {}
        self.on_message: Reader | None = None

    def publish(self, channel: Encodable, message: Encodable) -> int:
        """Put a message into the queues of all who listen; returns how many they are."""
        name, data = to_bytes(channel), to_bytes(message)
        subscribers = self._subscribers.get(name)
        if not subscribers:
            return 0
        receivers = list(subscribers)
        for pubsub in receivers:
            self.deliver(pubsub, "message", name, data)
        return len(receivers)

    def deliver(self, pubsub: PubSub, kind: str, channel: bytes, data: object) -> None:
        """Put one message into one queue and tell whoever waits for it."""
        pubsub.messages.append({"type": kind, "pattern": None, "channel": channel, "data": data})
        if self.on_message is not None:
            self.on_message(pubsub)

    def join(self, channel: bytes, pubsub: PubSub) -> None:
        """Have a PubSub listen to a channel."""
        self._subscribers.setdefault(channel, {})[pubsub] = None

    def leave(self, channel: bytes, pubsub: PubSub) -> None:
        """Have a PubSub listen to a channel no longer."""
        subscribers = self._subscribers.get(channel)
        if subscribers is not None:
            subscribers.pop(pubsub, None)
            if not subscribers:
                self._subscribers.pop(channel, None)

    def names(self, pattern: Encodable = "*") -> list[bytes]:
        """The channels that somebody listens to."""
        matches = glob(pattern).fullmatch
        return [name for name in self._subscribers if matches(name)]

    def all_of(self, pool: ConnectionPool) -> list[PubSub]:
        """The subscribers that were made by the client with this pool, each once."""
        listening = (pubsub for subscribers in self._subscribers.values() for pubsub in subscribers)
        return list(dict.fromkeys(pubsub for pubsub in listening if pubsub.connection_pool is pool))


class Connection:
    """What Celery touches of a connection; there is no socket behind it."""

    def __init__(self, messages: deque[Message]) -> None:
        self._messages = messages

    def can_read(self, timeout: float | None = 0) -> bool:
        """Whether a message waits."""
        return bool(self._messages)

    def register_connect_callback(self, callback: Callable[..., object]) -> None:
        """Nothing: this connection is never made again."""

    def deregister_connect_callback(self, callback: Callable[..., object]) -> None:
        """Nothing, as above."""


class ConnectionPool:
    """The pool of a client: to reset it ends what its connections had subscribed to."""

    def __init__(self, channels: Channels) -> None:
        self._channels = channels

    def get_connection(self, *names: object) -> Connection:
        """A connection that is not used for anything yet."""
        return Connection(deque())

    def reset(self) -> None:
        """Drop all connections: the server forgets who listened on them."""
        for pubsub in self._channels.all_of(self):
            pubsub.close()

    disconnect = reset


class PubSub:
    """A subscriber; `get_message` never waits.

    Attributes:
        messages: What came in and was not read yet.
        connection: None before the first subscription, as with redis-py.
    """

    shard_hint: None = None

    def __init__(self, channels: Channels, pool: ConnectionPool, *, ignore_subscribe_messages: bool = False) -> None:
        self.messages: deque[Message] = deque()
        self.connection: Connection | None = None
        self.connection_pool = pool
        self.ignore_subscribe_messages = ignore_subscribe_messages
        self.channels: dict[bytes, None] = {}
        self._server = channels

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    @property
    def subscribed(self) -> bool:
        """Whether this subscriber listens to anything."""
        return bool(self.channels)

    def subscribe(self, *channels: Encodable) -> None:
        """Listen to channels."""
        if self.connection is None:
            self.connection = Connection(self.messages)
        for channel in channels:
            name = to_bytes(channel)
            self.channels[name] = None
            self._server.join(name, self)
            self._confirm("subscribe", name)

    def unsubscribe(self, *channels: Encodable) -> None:
        """Listen to channels no longer; without any, to none at all."""
        for name in [to_bytes(channel) for channel in channels] or list(self.channels):
            self.channels.pop(name, None)
            self._server.leave(name, self)
            self._confirm("unsubscribe", name)

    def get_message(self, *, ignore_subscribe_messages: bool = False, timeout: float | None = 0.0) -> Message | None:
        """The oldest message, or None at once if there is none."""
        messages = self.messages
        while messages:
            message = messages.popleft()
            if not (ignore_subscribe_messages and message["type"] != "message"):
                return message
        return None

    def on_connect(self, connection: Connection) -> None:
        """Nothing: a simulated connection is never lost while it is used."""

    def close(self) -> None:
        """Listen to nothing any more and forget what was not read."""
        for name in self.channels:
            self._server.leave(name, self)
        self.channels.clear()
        self.messages.clear()
        self.connection = None

    reset = close

    def _confirm(self, kind: str, channel: bytes) -> None:
        if not self.ignore_subscribe_messages:
            self._server.deliver(self, kind, channel, len(self.channels))
