"""The client's end of a connection: what was delivered and waits to be taken."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from coldframe._broker.channel import Channel
from coldframe._broker.errors import BrokerError, ConnectionGone
from coldframe._broker.message import Delivery
from coldframe._broker.queues import Held

if TYPE_CHECKING:
    from coldframe._broker.broker import Broker


class Connection:
    """A connection of a process to the broker.

    Attributes:
        owner: The name of the process, as events show it.
        alive: False after `close` and `drop`.
        on_ready: Called when there is something to take after there was nothing; must not park.
    """

    def __init__(self, broker: Broker, owner: str) -> None:
        self.broker = broker
        self.owner = owner
        self.alive = True
        self._is_cut = False
        self.channels: list[Channel] = []
        self.on_ready: Callable[[], None] | None = None
        #: Deliveries on their way, in the order in which the broker sent them, of all channels.
        self.inbox: deque[Held] = deque()
        #: What the server said without being asked: channel closed, consumer cancelled.
        self.notices: deque[BrokerError] = deque()
        #: Redis: the last poll found nothing, so that a BRPOP is open as far as the prefetch allows.
        self.polls = False
        self._channel_count = 0
        self._dealer = broker.dealer

    def __repr__(self) -> str:
        return f"<Connection of {self.owner}{'' if self.alive else ' (gone)'}>"

    def channel(self) -> Channel:
        """Open a channel."""
        self.check()
        self._channel_count += 1
        channel = Channel(self, self._channel_count)
        self.channels.append(channel)
        return channel

    def ready(self) -> bool:
        """True if `take` would give a delivery or raise; on Redis this is where consumers begin to wait (BRPOP)."""
        if not self.alive or self.notices:
            return True
        return self._dealer.ready(self)

    def take(self) -> tuple[Channel, Delivery] | None:
        """The next delivery, or None.

        Raises:
            ConnectionGone: The connection was lost or closed.
            ChannelClosed: The server closed a channel by itself (consumer timeout, unknown delivery tag).
            ConsumerCancelled: The queue of a consumer was deleted.
        """
        if not self.alive:
            raise self._gone()
        if self.notices:
            raise self.notices.popleft()
        return self._dealer.take(self)

    def close(self) -> None:
        """Close in good order, as the client library does."""
        if self.alive or self._is_cut:
            self._end(orderly=True)

    def drop(self) -> None:
        """Lose the connection: the network broke, or the process was killed."""
        if self.alive or self._is_cut:
            self._end(orderly=False)
            self.wake()

    def cut(self) -> None:
        """Break the network under a process that lives on.

        RabbitMQ takes back what was not acknowledged. Redis never knew of it: there the client library remembers, and
        gives it back when it closes what is left of the connection.
        """
        if self.broker.is_strict:
            self.drop()
        elif self.alive:
            self.alive = False
            self._is_cut = True
            self.wake()

    def check(self) -> None:
        """Raise ConnectionGone unless the connection stands."""
        if not self.alive:
            raise self._gone()

    def wake(self) -> None:
        """Tell the owner that there is something to take."""
        if self.on_ready is not None:
            self.on_ready()

    def notify(self, notice: BrokerError) -> None:
        """Have `take` raise a notice of the server."""
        had_something = bool(self.inbox or self.notices)
        self.notices.append(notice)
        if not had_something:
            self.wake()

    def _end(self, *, orderly: bool) -> None:
        self.alive = self._is_cut = False
        channels, self.channels = self.channels, []
        for channel in channels:
            channel.closed = True
        self.broker.connections.remove(self)
        self._dealer.release(channels, "channel closed" if orderly else "connection lost", orderly=orderly)
        self.notices.clear()
        self.broker.topology.connection_ended(self)

    def _gone(self) -> ConnectionGone:
        return ConnectionGone(f"the connection of {self.owner} to the broker is gone")
