"""The kombu transport of the simulated broker: real messages over simulated connections."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kombu.transport import TRANSPORT_ALIASES, _transport_cache, base

from coldframe._broker.connection import Connection as Link
from coldframe._broker.errors import ChannelClosed, ConnectionGone
from coldframe._broker.profiles import Redis
from coldframe._celery import world as worlds
from coldframe._celery.channel import Channel
from coldframe._core.moments import seconds_to_micros

SCHEME = "coldframe"


def register() -> None:
    """Let kombu find the transport by the scheme `coldframe://`."""
    TRANSPORT_ALIASES[SCHEME] = f"{__name__}:Transport"


def unregister() -> None:
    """Leave kombu as it was."""
    TRANSPORT_ALIASES.pop(SCHEME, None)
    _transport_cache.pop(SCHEME, None)


class VirtualSocket:
    """What a node's hub polls instead of a file descriptor: readable while there is something to take."""

    def __init__(self, number: int, readable: Callable[[], bool], *, is_pipe: bool = False) -> None:
        self._number = number
        self.readable = readable
        #: Whether it leads to a process of the same machine, from where news comes sooner than from the broker.
        self.is_pipe = is_pipe
        self.on_readable: Callable[[], None] | None = None
        #: True while a running hub polls it, so that nobody else needs to wait for it.
        self.is_polled = False

    def fileno(self) -> int:
        return self._number

    def notify(self) -> None:
        if self.on_readable is not None:
            self.on_readable()


class Connection:
    """One connection of a simulated process to the simulated broker."""

    def __init__(self, world: worlds.World, client: Any) -> None:
        self.world = world
        self.client = client
        self.link: Link = world.broker.connect(world.process.name)
        self.socket = VirtualSocket(world.next_socket(), self._readable)
        self.link.on_ready = self.socket.notify
        self._channels: dict[int, Channel] = {}

    @property
    def channels(self) -> list[Channel]:
        return list(self._channels.values())

    @property
    def connected(self) -> bool:
        return self.link.alive

    def _readable(self) -> bool:
        return not self.link.alive or self.link.ready()

    def channel(self) -> Channel:
        channel = Channel(self)
        self._channels[channel.channel_id] = channel
        return channel

    def forget(self, channel: Channel) -> None:
        self._channels.pop(channel.channel_id, None)

    def deliver_one(self) -> bool:
        """Hand one delivery to its consumer; False if there is none."""
        if not self.link.alive:
            raise ConnectionGone("the connection to the broker was lost")
        taken = self.link.take()
        if taken is None:
            return False
        channel, delivery = taken
        self._channels[channel.number].deliver(delivery)
        return True

    def drain_events(self, timeout: float | None = None) -> None:
        """Deliver one message, waiting for it in virtual time.

        Raises:
            TimeoutError: When none came in time, as a socket would.
        """
        if self.deliver_one():
            return
        # A connection that a running hub polls has nothing: the hub does the waiting.
        if timeout == 0 or self.socket.is_polled:
            raise TimeoutError("timed out")
        scheduler = self.world.scheduler
        fiber = scheduler.current
        before, self.socket.on_readable = self.socket.on_readable, lambda: scheduler.wake(fiber)
        try:
            deadline = None if timeout is None else scheduler.now + seconds_to_micros(timeout)
            while not self.deliver_one():
                left = None if deadline is None else deadline - scheduler.now
                if left is not None and left <= 0:
                    raise TimeoutError("timed out")
                scheduler.park(left)
        finally:
            self.socket.on_readable = before

    def collect(self) -> None:
        self.link.drop()
        self._channels.clear()

    def close(self) -> None:
        for channel in self.channels:
            channel.connection = None
        self._channels.clear()
        self.link.close()


class Transport(base.Transport):
    """Connects kombu to the broker of the open bench."""

    connection_errors: tuple[Any, ...] = (ConnectionGone, OSError)
    channel_errors: tuple[Any, ...] = (ChannelClosed,)
    recoverable_connection_errors = connection_errors
    recoverable_channel_errors = channel_errors
    implements = base.Transport.implements.extend(
        asynchronous=True, exchange_type=frozenset(["direct", "topic", "fanout", "headers"]), heartbeats=False
    )

    def __init__(self, client: Any, **options: Any) -> None:
        super().__init__(client, **options)
        world = worlds.current()
        if world is None:
            raise ConnectionGone("this connection belongs to a bench that is closed")
        self.world = world
        is_redis = isinstance(world.broker.profile, Redis)
        self.driver_type = "redis" if is_redis else "amqp"
        self.driver_name = "redis" if is_redis else "py-amqp"

    def driver_version(self) -> str:
        return "coldframe"

    def establish_connection(self) -> Connection:
        if worlds.current() is not self.world:
            raise ConnectionGone("this connection belongs to a bench that is closed")
        return Connection(self.world, self.client)

    def close_connection(self, connection: Connection) -> None:
        connection.client = None
        connection.close()

    def create_channel(self, connection: Connection) -> Channel:
        return connection.channel()

    def close_channel(self, channel: Channel) -> None:
        channel.close()

    def drain_events(self, connection: Connection, timeout: float | None = None, **options: Any) -> None:
        connection.drain_events(timeout=timeout)

    def verify_connection(self, connection: Connection) -> bool:
        return connection.connected

    def _collect(self, connection: Connection | None) -> None:
        """Let go of a connection that broke: py-amqp just drops it, kombu's Redis transport closes it."""
        if connection is None:
            return
        if isinstance(self.world.broker.profile, Redis):
            connection.close()
        else:
            connection.collect()

    def register_with_event_loop(self, connection: Connection, loop: Any) -> None:
        loop.add_reader(connection.socket, self.on_readable, connection, loop)

    def on_readable(self, connection: Connection, loop: Any) -> None:
        connection.deliver_one()

    def qos_semantics_matches_spec(self, connection: Connection) -> bool:
        """RabbitMQ 3.3 to 3.x counts a prefetch set without the global flag per consumer."""
        profile = self.world.broker.profile
        return isinstance(profile, Redis) or profile.version >= (4, 0)

    def as_uri(self, uri: str, include_password: bool = False, mask: str = "**") -> str:
        return f"{SCHEME}://{self.world.broker.profile.name}"
