"""Channels: the operations of AMQP that a client can ask for."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from coldframe._broker.errors import ChannelClosed
from coldframe._broker.message import Delivery, Message
from coldframe._broker.queues import Consumer, Held, Queue

if TYPE_CHECKING:
    from coldframe._broker.connection import Connection
    from coldframe._core.fibers import Timer


class Channel:
    """A channel of a connection. RabbitMQ closes it when an operation is refused; kombu's Redis channel stays open."""

    def __init__(self, connection: Connection, number: int) -> None:
        self.connection = connection
        self.number = number
        self.closed = False
        self.broker = connection.broker
        self.opened_at = self.broker.scheduler.now
        self.consumers: dict[str, Consumer] = {}
        self.unacked: dict[int, Held] = {}
        self.last_tag = 0
        #: Prefetch of the channel as a whole, and of each consumer that is started from now on; 0 means no limit.
        self.limit = 0
        self.consumer_limit = 0
        #: Deliveries to consumers that count against `limit`; what `get` gave does not on RabbitMQ.
        self.count = 0
        #: RabbitMQ: consumers without credit, the one that waits longest first.
        self.blocked: deque[Consumer] = deque()
        self.timeout_timer: Timer | None = None
        #: Redis: the queues that the next BRPOP names, in its order.
        self.cycle: list[Queue] = []
        #: Redis: asked before each BRPOP, beside the prefetch.
        self.may_pull: Callable[[], bool] = lambda: True
        #: Redis: some consumer listens to a fanout exchange.
        self.has_listeners = False
        #: Redis: auto-delete queues that this channel declared.
        self.auto_delete_queues: list[str] = []
        self._dealer = self.broker.dealer
        self._topology = self.broker.topology
        self._error: ChannelClosed | None = None

    def __repr__(self) -> str:
        return f"<Channel {self.number} of {self.connection.owner}{' (closed)' if self.closed else ''}>"

    # --- exchanges and queues ---------------------------------------------------------------------------

    def exchange_declare(
        self,
        name: str,
        type: str = "direct",
        *,
        passive: bool = False,
        durable: bool = False,
        auto_delete: bool = False,
        arguments: dict[str, Any] | None = None,
    ) -> None:
        """Declare an exchange."""
        with self._request():
            self._topology.declare_exchange(
                name, type, passive=passive, durable=durable, auto_delete=auto_delete, arguments=arguments or {}
            )

    def exchange_delete(self, name: str, *, if_unused: bool = False) -> None:
        """Delete an exchange and its bindings."""
        with self._request():
            self._topology.delete_exchange(name, if_unused=if_unused)

    def exchange_bind(
        self, destination: str, source: str, routing_key: str, arguments: dict[str, Any] | None = None
    ) -> None:
        """Have what matches go on from one exchange to another."""
        with self._request():
            self._topology.bind_exchange(destination, source, routing_key, arguments or {})

    def exchange_unbind(
        self, destination: str, source: str, routing_key: str, arguments: dict[str, Any] | None = None
    ) -> None:
        """Undo `exchange_bind`."""
        with self._request():
            self._topology.unbind_exchange(destination, source, routing_key, arguments or {})

    def queue_declare(
        self,
        name: str,
        *,
        passive: bool = False,
        durable: bool = False,
        exclusive: bool = False,
        auto_delete: bool = False,
        arguments: dict[str, Any] | None = None,
    ) -> tuple[str, int, int]:
        """Declare a queue; an empty name lets the broker choose one.

        Returns:
            The name, the number of ready messages, and the number of consumers (always 0 on Redis).
        """
        with self._request():
            return self._topology.declare_queue(
                self,
                name,
                passive=passive,
                durable=durable,
                exclusive=exclusive,
                auto_delete=auto_delete,
                arguments=arguments or {},
            )

    def queue_bind(self, queue: str, exchange: str, routing_key: str, arguments: dict[str, Any] | None = None) -> None:
        """Have what matches go from an exchange to a queue."""
        with self._request():
            self._topology.bind_queue(self, queue, exchange, routing_key, arguments or {})

    def queue_unbind(
        self, queue: str, exchange: str, routing_key: str, arguments: dict[str, Any] | None = None
    ) -> None:
        """Undo `queue_bind`."""
        with self._request():
            self._topology.unbind_queue(self, queue, exchange, routing_key, arguments or {})

    def queue_purge(self, name: str) -> int:
        """Drop the ready messages of a queue; returns how many there were."""
        with self._request():
            return self._topology.purge_queue(self, name)

    def queue_delete(self, name: str, *, if_unused: bool = False, if_empty: bool = False) -> int:
        """Delete a queue; returns how many ready messages were lost with it."""
        with self._request():
            return self._topology.delete_queue(self, name, if_unused=if_unused, if_empty=if_empty)

    # --- messages ---------------------------------------------------------------------------------------

    def publish(self, message: Message, exchange: str, routing_key: str) -> tuple[str, ...]:
        """Publish a message; returns the names of the queues it was routed to.

        RabbitMQ closes the channel when there is no such exchange, but the publisher only learns it at its next
        operation or from `Connection.take`.
        """
        if self.closed:
            self.check()
        return self.broker.publish(self, message, exchange, routing_key)

    def consume(
        self, queue: str, tag: str, *, no_ack: bool = False, exclusive: bool = False, priority: int = 0
    ) -> None:
        """Start a consumer."""
        with self._request():
            found = self._topology.queue_to_consume(self, queue, tag, exclusive=exclusive)
            consumer = Consumer(self, found, tag, no_ack=no_ack, exclusive=exclusive, priority=priority)
            consumer.limit = self.consumer_limit
            self.consumers[tag] = consumer
            found.consumers.append(consumer)
            self._dealer.consuming(consumer)

    def cancel(self, tag: str) -> None:
        """Stop a consumer; what it holds stays unacknowledged, what is on its way to it goes back."""
        self.check()
        consumer = self.consumers.pop(tag, None)
        if consumer is not None:
            consumer.queue.consumers.remove(consumer)
            self._dealer.cancelled(consumer)
            self._topology.consumers_left([consumer.queue])

    def get(self, queue: str, *, no_ack: bool = False) -> Delivery | None:
        """Take one message from a queue, if there is one."""
        with self._request():
            found = self._topology.queue_to_get(self, queue)
            return self._dealer.get(self, found, no_ack=no_ack) if found is not None else None

    def ack(self, tag: int, *, multiple: bool = False) -> None:
        """Acknowledge a delivery; a tag that is not held closes the channel on RabbitMQ and does nothing on Redis."""
        if self.closed:
            self.check()
        self._dealer.ack(self, tag, multiple=multiple)

    def reject(self, tag: int, *, requeue: bool) -> None:
        """Refuse a delivery: back to the queue, or away (dead-lettered where the queue says so)."""
        if self.closed:
            self.check()
        self._dealer.reject(self, tag, requeue=requeue)

    def recover(self, *, requeue: bool) -> None:
        """Give back all that the channel holds."""
        with self._request():
            if not requeue:
                raise ChannelClosed(540, "NOT_IMPLEMENTED - requeue=false")
            self._dealer.recover(self)

    def qos(self, count: int, *, is_global: bool) -> None:
        """Limit what the broker hands out: to the channel as a whole, or to each consumer started from now on.

        On Redis the limit is always that of the channel.
        """
        with self._request():
            self._dealer.limit(self, count, is_global=is_global)

    def close(self) -> None:
        """Close the channel in good order."""
        if not self.closed and self.connection.alive:
            self._leave(orderly=True)

    # --- closing ----------------------------------------------------------------------------------------

    def check(self) -> None:
        """Raise unless the channel is open."""
        self.connection.check()
        if self.closed:
            error = self._error or ChannelClosed(504, "CHANNEL_ERROR - the channel is closed")
            if error in self.connection.notices:
                self.connection.notices.remove(error)
            raise error

    def fail(self, error: ChannelClosed) -> None:
        """Close the channel from the server's side; the client learns it when it next looks."""
        self._error = error
        self._leave(orderly=False)
        self.connection.notify(error)

    def _leave(self, *, orderly: bool) -> None:
        self.closed = True
        self.connection.channels.remove(self)
        self._dealer.release([self], "channel closed", orderly=orderly)

    @contextmanager
    def _request(self) -> Iterator[None]:
        self.check()
        try:
            yield
        except ChannelClosed as error:
            if self.broker.is_strict:
                self._error = error
                if error.is_hard:
                    self.connection.drop()
                else:
                    self._leave(orderly=False)
            raise
