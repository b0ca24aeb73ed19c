"""The broker: exchanges, queues and connections, and the way of a published message into the queues."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from coldframe._broker import refusals
from coldframe._broker.connection import Connection
from coldframe._broker.errors import ConnectionGone, ConsumerCancelled
from coldframe._broker.exchanges import Routing, amqp_topic_matches, kombu_topic_matches, redis_channel_matches
from coldframe._broker.expiry import Expiry
from coldframe._broker.message import Delivery, Message, plain_dict
from coldframe._broker.profiles import Profile, Redis, resolve
from coldframe._broker.pulling import Pulling
from coldframe._broker.pushing import Pushing
from coldframe._broker.queues import Entry, Queue
from coldframe._broker.ranks import new_queue
from coldframe._broker.topology import Topology
from coldframe._core.events import Dropped, Event, Published, Requeued

if TYPE_CHECKING:
    from coldframe._broker.channel import Channel
    from coldframe._broker.dealer import Dealer
    from coldframe._core.scheduler import Scheduler

#: Who publishes: the name of the process, the id of the task it runs, and whether a transaction is open.
Publisher = tuple[str, str | None, bool]


class Recorder(Protocol):
    """Takes events: a trace, or a list."""

    def append(self, event: Event, /) -> None:
        """Record an event."""


class Broker:
    """A simulated broker.

    Args:
        profile: How it behaves, or the name of a profile.
        scheduler: The clock and the timers.
        trace: Where events are recorded.

    Attributes:
        publish_context: Tells who publishes, for the trace.
        on_published: Called with each message that was published, its exchange and its routing key.
        lateness: Tells by how many microseconds a message reaches its queues late.
    """

    def __init__(self, profile: str | Profile, scheduler: Scheduler, trace: Recorder) -> None:
        self.profile = resolve(profile)
        self.scheduler = scheduler
        self.trace = trace
        self.publish_context: Callable[[], Publisher] = lambda: ("test", None, False)
        self.on_published: Callable[[Message, str, str], None] | None = None
        self.lateness: Callable[[Message], int] = lambda _message: 0
        self.queues: dict[str, Queue] = {}
        self.connections: list[Connection] = []
        self.is_down = False
        is_redis = isinstance(self.profile, Redis)
        #: RabbitMQ refuses what does not fit; kombu on Redis makes do.
        self.is_strict = not is_redis
        self.routing = (
            Routing(kombu_topic_matches, redis_channel_matches)
            if is_redis
            else Routing(amqp_topic_matches, lambda _pattern, _key: True)
        )
        self.exchanges = self.routing.exchanges
        self.topology = Topology(self)
        self.expiry = Expiry(self)
        self.dealer: Dealer = (
            Pulling(self, self.profile) if isinstance(self.profile, Redis) else Pushing(self, self.profile)
        )
        self._messages = 0
        self._late = 0
        self._positions = 0

    # --- connections ------------------------------------------------------------------------------------

    def connect(self, owner: str) -> Connection:
        """Open a connection for a process.

        Raises:
            ConnectionGone: The broker is down.
        """
        if self.is_down:
            raise ConnectionGone(f"{owner} cannot reach the broker: it is down")
        connection = Connection(self, owner)
        self.connections.append(connection)
        return connection

    def set_down(self, is_down: bool) -> None:  # noqa: FBT001 -- it is the state itself
        """Take the broker down, which drops all connections, or bring it up again; queues keep their messages."""
        self.is_down = is_down
        if is_down:
            for connection in list(self.connections):
                connection.drop()

    # --- publishing -------------------------------------------------------------------------------------

    def publish(self, channel: Channel, message: Message, exchange: str, routing_key: str) -> tuple[str, ...]:
        """Number a message, route it and put it into its queues; the message is the broker's from here on."""
        self._messages += 1
        message.number = self._messages
        message.headers = plain_dict(message.headers)
        message.properties = plain_dict(message.properties)
        names = self.route(exchange, routing_key, message.headers)
        queues = [self.queues[name] for name in names]
        if message.task_id is not None or any(queue.lasting for queue in queues):
            self._record_published(message, exchange, routing_key, names)
        if self.on_published is not None:
            self.on_published(message, exchange, routing_key)
        if queues and (late := self.lateness(message)):
            self._late += 1
            arrive = partial(self._arrive_late, queues, message, exchange, routing_key)
            self.scheduler.call_at(self.scheduler.now + late, arrive)
        elif queues:
            self.dealer.spread(queues, message, exchange, routing_key)
        elif self.is_strict and exchange not in self.exchanges:
            channel.fail(refusals.no_exchange(exchange))
        return names

    def _arrive_late(self, queues: list[Queue], message: Message, exchange: str, routing_key: str) -> None:
        self._late -= 1
        self.dealer.spread([queue for queue in queues if not queue.deleted], message, exchange, routing_key)

    def deliver_again(self, message: Message, exchange: str, routing_key: str) -> None:
        """A copy of a message stands in its queues once more, marked as redelivered."""
        for name in self.route(exchange, routing_key, message.headers):
            queue = self.queues[name]
            entry = Entry(message.copy(), exchange, routing_key, self.next_position())
            entry.redelivered = True
            queue.put(entry)
            self.trace.append(
                Requeued(self.scheduler.now, message.number, queue.name, "delivered twice", message.task_id)
            )
            self.dealer.arrived(queue)

    def route(self, exchange: str, routing_key: str, headers: Mapping[str, Any]) -> tuple[str, ...]:
        """The names of the queues for a message; Redis makes the queue that the default exchange is to reach."""
        if exchange:
            return self.routing.route(exchange, routing_key, headers)
        if routing_key not in self.queues:
            if self.is_strict:
                return ()
            self.add_queue(routing_key)
        return (routing_key,)

    def next_position(self) -> int:
        """The next place in the order in which messages were put into queues."""
        self._positions += 1
        return self._positions

    # --- queues -----------------------------------------------------------------------------------------

    def add_queue(
        self,
        name: str,
        *,
        durable: bool = False,
        exclusive: bool = False,
        auto_delete: bool = False,
        arguments: dict[str, Any] | None = None,
    ) -> Queue:
        """Make a queue."""
        queue = new_queue(self.profile, name, arguments or {})
        queue.configure(durable=durable, exclusive=exclusive, auto_delete=auto_delete, arguments=arguments or {})
        self.queues[name] = queue
        return queue

    def remove_queue(self, queue: Queue) -> int:
        """Delete a queue with its messages and bindings; on RabbitMQ its consumers are told.

        On Redis a queue is a name: who consumes from it goes on doing so.
        """
        dropped = self.drop_all(queue, "queue deleted")
        self.routing.unbind_queue(queue.name)
        if not self.is_strict and queue.consumers:
            return dropped
        del self.queues[queue.name]
        queue.deleted = True
        for timer in (queue.expiry_timer, queue.idle_timer):
            if timer is not None:
                timer.cancel()
        for consumer in list(queue.consumers):
            queue.consumers.remove(consumer)
            del consumer.channel.consumers[consumer.tag]
            self.dealer.cancelled(consumer)
            consumer.channel.connection.notify(ConsumerCancelled(consumer.tag))
        return dropped

    def drop_all(self, queue: Queue, reason: str) -> int:
        """Drop the ready messages of a queue; returns how many there were."""
        entries = queue.clear()
        for entry in entries:
            self.record_dropped(queue, entry, reason)
        return len(entries)

    # --- looking ----------------------------------------------------------------------------------------

    def waiting(self) -> list[tuple[str, Message]]:
        """The ready messages of lasting queues: queue by queue, each in the order of its messages."""
        found: dict[str, list[Message]] = {name: [] for name, queue in self.queues.items() if queue.lasting}
        for queue, entry in self.dealer.on_the_way():
            if queue.lasting:
                found[queue.name].append(entry.message)
        for name, messages in found.items():
            messages.extend(entry.message for entry in self.queues[name].entries())
        return [(name, message) for name, messages in found.items() for message in messages]

    def unacked(self) -> list[Delivery]:
        """What was delivered from lasting queues and is not acknowledged, also by processes that are dead (Redis)."""
        return [held.delivery() for held in self.dealer.unacked() if held.queue.lasting]

    def busy(self) -> bool:
        """True if something of lasting queues will still happen by itself."""
        if self._late or self.dealer.is_busy():
            return True
        return any(
            queue.lasting and (_is_read(queue) or queue.has_expiring_head())
            for queue in self.queues.values()
            if queue.size
        )

    def unread(self) -> list[tuple[str, list[Message]]]:
        """Lasting queues with ready messages that no consumer reads and no time to live will move on."""
        return [
            (queue.name, [entry.message for entry in queue.entries()])
            for queue in self.queues.values()
            if queue.size and queue.lasting and not _is_read(queue) and not queue.has_expiring_head()
        ]

    # --- the trace --------------------------------------------------------------------------------------

    def record_dropped(
        self, queue: Queue, entry: Entry, reason: str, *, dead_letter_exchange: str | None = None
    ) -> None:
        """Record that a message of a lasting queue was given up."""
        if queue.lasting:
            message = entry.message
            self.trace.append(
                Dropped(self.scheduler.now, message.number, queue.name, reason, message.task_id, dead_letter_exchange)
            )

    def _record_published(self, message: Message, exchange: str, routing_key: str, names: tuple[str, ...]) -> None:
        by, by_task_id, in_transaction = self.publish_context()
        properties = message.properties
        self.trace.append(
            Published(
                self.scheduler.now,
                message.number,
                exchange,
                routing_key,
                names,
                by,
                by_task_id,
                message.task_id,
                message.task,
                message.body,
                properties.get("content_type"),
                properties.get("content_encoding"),
                message.eta,
                message.expires,
                properties.get("priority"),
                message.retries,
                message.parent_id,
                message.root_id,
                message.group_id,
                in_transaction,
                message.headers.get("compression"),
            )
        )


def _is_read(queue: Queue) -> bool:
    return any(not consumer.listens for consumer in queue.consumers)
