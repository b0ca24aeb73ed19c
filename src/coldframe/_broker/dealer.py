"""What RabbitMQ, which pushes (pushing.py), and Redis, which is pulled from (pulling.py), have in common."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Protocol

from coldframe._broker.message import Delivery, Message
from coldframe._broker.queues import Consumer, Entry, Held, Queue

if TYPE_CHECKING:
    from coldframe._broker.channel import Channel
    from coldframe._broker.connection import Connection


class Dealer(Protocol):
    """Decides who gets which message when, and what becomes of it afterwards."""

    def spread(self, queues: Iterable[Queue], message: Message, exchange: str, routing_key: str) -> None:
        """Put a copy of a message into each queue."""

    def arrived(self, queue: Queue) -> None:
        """Hand out what stands in a queue, as far as there are takers."""

    def consuming(self, consumer: Consumer) -> None:
        """A consumer was started."""

    def cancelled(self, consumer: Consumer) -> None:
        """A consumer was stopped; it is no longer among those of its queue and channel."""

    def release(self, channels: list[Channel], reason: str, *, orderly: bool) -> None:
        """Channels were closed, or their connection lost: take back what they hold, end their consumers."""

    def ready(self, connection: Connection) -> bool:
        """True if `take` would give something."""

    def take(self, connection: Connection) -> tuple[Channel, Delivery] | None:
        """The next delivery for a connection."""

    def get(self, channel: Channel, queue: Queue, *, no_ack: bool) -> Delivery | None:
        """Take one message from a queue."""

    def ack(self, channel: Channel, tag: int, *, multiple: bool) -> None:
        """Forget a message."""

    def reject(self, channel: Channel, tag: int, *, requeue: bool) -> None:
        """Give a message back or up."""

    def recover(self, channel: Channel) -> None:
        """Give back all that a channel holds."""

    def limit(self, channel: Channel, count: int, *, is_global: bool) -> None:
        """Set the prefetch."""

    def unacked(self) -> Iterator[Held]:
        """What was handed out and not acknowledged."""

    def on_the_way(self) -> Iterator[tuple[Queue, Entry]]:
        """What left its queue but is still to be handed out."""

    def is_busy(self) -> bool:
        """True if something that was handed out will still come to an end or come back."""
