"""RabbitMQ's way: the broker pushes to consumers in turn, as far as their prefetch allows."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from coldframe._broker.dead_letters import give_up
from coldframe._broker.errors import ChannelClosed
from coldframe._broker.message import Delivery, Message
from coldframe._broker.queues import Consumer, Entry, Held, Queue
from coldframe._broker.returns import give_back, keep_length
from coldframe._broker.timeouts import ConsumerTimeouts
from coldframe._core.events import Acked, Delivered

if TYPE_CHECKING:
    from coldframe._broker.broker import Broker
    from coldframe._broker.channel import Channel
    from coldframe._broker.connection import Connection
    from coldframe._broker.profiles import RabbitMQ

#: A prefetch that the consumers of a channel share was deprecated before, and is refused from here on.
GLOBAL_QOS_DENIED_SINCE = (4, 3)


class Pushing:
    """Hands messages out at publish, acknowledge, prefetch and consume time."""

    def __init__(self, broker: Broker, profile: RabbitMQ) -> None:
        self.broker = broker
        self.profile = profile
        self._scheduler = broker.scheduler
        self._trace = broker.trace
        self._timeouts = ConsumerTimeouts(broker.scheduler, profile.consumer_timeout)
        #: How many messages of lasting queues are unacknowledged.
        self._held = 0

    # --- into the queue ---------------------------------------------------------------------------------

    def spread(self, queues: Iterable[Queue], message: Message, exchange: str, routing_key: str) -> None:
        for queue in queues:
            entry = Entry(message, exchange, routing_key, self.broker.next_position())
            if "x-message-ttl" in queue.arguments or "expiration" in message.properties:
                self.broker.expiry.stamp(queue, entry)
            queue.put(entry)
            if queue.turn:
                self.arrived(queue)
            if queue.size:
                if "x-max-length" in queue.arguments:
                    keep_length(self.broker, queue, queue.arguments["x-max-length"])
                if queue.perishable:
                    self.broker.expiry.plan(queue)

    # --- out of the queue -------------------------------------------------------------------------------

    def arrived(self, queue: Queue) -> None:
        while queue.size and queue.turn:
            consumer = self._next_consumer(queue)
            if consumer is None:
                return
            self._push(consumer, queue.pop())

    def _next_consumer(self, queue: Queue) -> Consumer | None:
        """The consumer whose turn it is; those without credit step out of the turn until they have some."""
        turn = queue.turn
        while turn:
            consumer = max(turn, key=_urgency) if queue.ranked else turn[0]
            if _has_credit(consumer):
                if len(turn) > 1:
                    turn.remove(consumer)
                    turn.append(consumer)
                return consumer
            turn.remove(consumer)
            consumer.blocked = True
            consumer.channel.blocked.append(consumer)
        return None

    def _push(self, consumer: Consumer, entry: Entry) -> None:
        queue, channel = consumer.queue, consumer.channel
        channel.last_tag = tag = channel.last_tag + 1
        held = Held(entry, queue, channel, consumer, tag, self._scheduler.now)
        if not consumer.no_ack:
            channel.count += 1
            consumer.count += 1
        self._hold(held, no_ack=consumer.no_ack)
        connection = channel.connection
        was_empty = not connection.inbox and not connection.notices
        connection.inbox.append(held)
        if was_empty and connection.on_ready is not None:
            connection.on_ready()

    def _hold(self, held: Held, *, no_ack: bool) -> None:
        queue, message, node = held.queue, held.entry.message, held.channel.connection.owner
        if queue.lasting:
            self._trace.append(
                Delivered(
                    held.at, message.number, queue.name, node, held.entry.redelivered, message.task_id, message.task
                )
            )
        if not no_ack:
            held.channel.unacked[held.tag] = held
            if queue.lasting:
                self._held += 1
            if held.channel.timeout_timer is None:
                self._timeouts.watch(held.channel)
        elif queue.lasting:
            self._trace.append(Acked(held.at, message.number, queue.name, node, message.task_id))

    def ready(self, connection: Connection) -> bool:
        return bool(connection.inbox)

    def take(self, connection: Connection) -> tuple[Channel, Delivery] | None:
        if not connection.inbox:
            return None
        held = connection.inbox.popleft()
        return held.channel, held.delivery()

    def get(self, channel: Channel, queue: Queue, *, no_ack: bool) -> Delivery | None:
        if not queue.size:
            return None
        channel.last_tag += 1
        held = Held(queue.pop(), queue, channel, None, channel.last_tag, self._scheduler.now)
        self._hold(held, no_ack=no_ack)
        if queue.perishable:
            self.broker.expiry.plan(queue)
        return held.delivery()

    # --- afterwards -------------------------------------------------------------------------------------

    def ack(self, channel: Channel, tag: int, *, multiple: bool) -> None:
        if multiple:
            found = self._let_go_up_to(channel, tag)
        else:
            held = self._let_go(channel, tag)
            found = [held] if held is not None else []
        for held in found:
            if held.queue.lasting:
                message, node = held.entry.message, channel.connection.owner
                self._trace.append(Acked(self._scheduler.now, message.number, held.queue.name, node, message.task_id))
        if channel.blocked:
            self._credited(channel)

    def reject(self, channel: Channel, tag: int, *, requeue: bool) -> None:
        held = self._let_go(channel, tag)
        if held is None:
            return
        if requeue:
            give_back(self.broker, self.profile.version, held, "rejected")
        else:
            give_up(self.broker, held.queue, held.entry, "rejected")
        if channel.blocked:
            self._credited(channel)
        self.arrived(held.queue)

    def recover(self, channel: Channel) -> None:
        self._take_back([channel], "recovered")
        self._credited(channel)

    def limit(self, channel: Channel, count: int, *, is_global: bool) -> None:
        if not is_global:
            channel.consumer_limit = count
            return
        if self.profile.version >= GLOBAL_QOS_DENIED_SINCE:
            raise ChannelClosed(541, "INTERNAL_ERROR - Feature `global_qos` is deprecated.")
        channel.limit = count
        self._credited(channel)

    def _let_go(self, channel: Channel, tag: int) -> Held | None:
        held = channel.unacked.pop(tag, None)
        if held is None:
            channel.fail(ChannelClosed(406, f"PRECONDITION_FAILED - unknown delivery tag {tag}"))
            return None
        if held.queue.lasting:
            self._held -= 1
        if held.consumer is not None:
            channel.count -= 1
            held.consumer.count -= 1
        return held

    def _let_go_up_to(self, channel: Channel, tag: int) -> list[Held]:
        if tag and tag not in channel.unacked:
            self._let_go(channel, tag)
            return []
        tags = [other for other in channel.unacked if other <= tag or not tag]
        return [held for held in (self._let_go(channel, other) for other in tags) if held is not None]

    def _credited(self, channel: Channel) -> None:
        """Let the consumers that waited for credit have their turn again, the one that waited longest first."""
        blocked = channel.blocked
        for _ in range(len(blocked)):
            if not blocked or (channel.limit and channel.count >= channel.limit):
                return
            consumer = blocked.popleft()
            if not _has_credit(consumer):
                blocked.append(consumer)
                continue
            consumer.blocked = False
            consumer.queue.turn.append(consumer)
            self.arrived(consumer.queue)

    # --- consumers --------------------------------------------------------------------------------------

    def consuming(self, consumer: Consumer) -> None:
        queue = consumer.queue
        queue.ranked = queue.ranked or consumer.priority != 0
        if not queue.arguments.get("x-single-active-consumer") or len(queue.consumers) == 1:
            queue.turn.append(consumer)
            self.arrived(queue)

    def cancelled(self, consumer: Consumer) -> None:
        """Send back what is on its way: the client library rejects deliveries to a consumer it no longer knows."""
        channel, queue = consumer.channel, consumer.queue
        self._step_out(consumer)
        inbox = channel.connection.inbox
        late = [held for held in inbox if held.consumer is consumer]
        if late:
            channel.connection.inbox = deque(held for held in inbox if held.consumer is not consumer)
            for held in late:
                if not consumer.no_ack and self._let_go(channel, held.tag) is not None:
                    give_back(self.broker, self.profile.version, held, "rejected")
            self._credited(channel)
        self.arrived(queue)

    def release(self, channels: list[Channel], reason: str, *, orderly: bool) -> None:
        """RabbitMQ takes back what was unacknowledged, however the channel ended."""
        queues: dict[str, Queue] = {}
        for channel in channels:
            for consumer in channel.consumers.values():
                consumer.queue.consumers.remove(consumer)
                self._step_out(consumer)
                queues[consumer.queue.name] = consumer.queue
            channel.consumers.clear()
            self._timeouts.forget(channel)
        self._take_back(channels, reason)
        self.broker.topology.consumers_left(queues.values())
        for queue in queues.values():
            self.arrived(queue)

    def _step_out(self, consumer: Consumer) -> None:
        queue = consumer.queue
        if consumer.blocked:
            consumer.channel.blocked.remove(consumer)
        elif consumer in queue.turn:
            queue.turn.remove(consumer)
        else:
            return
        if queue.arguments.get("x-single-active-consumer") and queue.consumers:
            queue.turn.append(queue.consumers[0])

    def _take_back(self, channels: list[Channel], reason: str) -> None:
        """Requeue all that channels hold, and only then hand out again."""
        queues: dict[str, Queue] = {}
        for channel in channels:
            inbox = channel.connection.inbox
            channel.connection.inbox = deque(held for held in inbox if held.channel is not channel)
            for tag in list(channel.unacked):
                held = self._let_go(channel, tag)
                if held is not None:
                    give_back(self.broker, self.profile.version, held, reason)
                    queues[held.queue.name] = held.queue
        for queue in queues.values():
            self.arrived(queue)

    # --- looking ----------------------------------------------------------------------------------------

    def unacked(self) -> Iterator[Held]:
        for connection in self.broker.connections:
            for channel in connection.channels:
                yield from channel.unacked.values()

    def on_the_way(self) -> Iterator[tuple[Queue, Entry]]:
        return iter(())

    def is_busy(self) -> bool:
        return self._held > 0


def _has_credit(consumer: Consumer) -> bool:
    channel = consumer.channel
    if consumer.no_ack:
        return True
    return not (
        (channel.limit and channel.count >= channel.limit) or (consumer.limit and consumer.count >= consumer.limit)
    )


def _urgency(consumer: Consumer) -> int:
    return consumer.priority
