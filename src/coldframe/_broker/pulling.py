"""Redis' way: consumers pull from lists (BRPOP), and what they take stays in a hash until it is acknowledged.

kombu knows an unacknowledged message by one tag for all its life, so the tag of a delivery is the message's
number: when a message was restored and handed out a second time, the first holder's acknowledgement removes
the second holder's record, as it does in real life.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from coldframe._broker.brpop import WaitingLine, has_credit
from coldframe._broker.message import Delivery, Message
from coldframe._broker.queues import Consumer, Entry, Held, Queue
from coldframe._broker.restores import Restores
from coldframe._core.events import Acked, Delivered, Requeued

if TYPE_CHECKING:
    from coldframe._broker.broker import Broker
    from coldframe._broker.channel import Channel
    from coldframe._broker.connection import Connection
    from coldframe._broker.profiles import Redis


class Pulling:
    """Hands messages out when a connection asks, or to the one that has been waiting longest."""

    def __init__(self, broker: Broker, profile: Redis) -> None:
        self.broker = broker
        self.profile = profile
        self._scheduler = broker.scheduler
        self._trace = broker.trace
        self._restores = Restores(broker.scheduler, profile, self._restore_delivered_before)
        self._line = WaitingLine(broker.scheduler, profile)
        #: kombu's hash of unacknowledged messages, the one delivered first in front.
        self._index: dict[int, Held] = {}
        #: How many messages of lasting queues are in the hands of living channels.
        self._held = 0

    # --- into the queue ---------------------------------------------------------------------------------

    def spread(self, queues: Iterable[Queue], message: Message, exchange: str, routing_key: str) -> None:
        is_fanout = exchange != "" and self.broker.exchanges[exchange].type == "fanout"
        for queue in queues:
            entry = Entry(message, exchange, routing_key, self.broker.next_position())
            if is_fanout:
                self._tell_listeners(queue, entry)
                continue
            queue.put(entry)
            if "x-expires" in queue.arguments:
                self.broker.expiry.used(queue)
            self._line.arrived(queue)

    def arrived(self, queue: Queue) -> None:
        self._line.arrived(queue)

    def _tell_listeners(self, queue: Queue, entry: Entry) -> None:
        """PUBLISH: each subscriber gets a copy, and without one the message is gone."""
        listeners = [consumer for consumer in queue.consumers if consumer.listens]
        for consumer in listeners:
            consumer.mailbox.append(entry)
            self._poll_for(consumer.channel.connection)
        if not listeners:
            self.broker.record_dropped(queue, entry, "nobody listens")

    def _restore(self, held: Held, reason: str, *, to_front: bool) -> None:
        """Put an unacknowledged message into every queue it would be routed to today, as kombu does."""
        entry = held.entry
        names = self.broker.route(entry.exchange, entry.routing_key, entry.message.headers)
        if not names or held.queue.subscribed:
            self.broker.record_dropped(held.queue, entry, "queue deleted" if not names else "nobody listens")
            return
        for name in names:
            queue = self.broker.queues[name]
            again = Entry(entry.message, entry.exchange, entry.routing_key, self.broker.next_position())
            again.redelivered = True
            if to_front:
                queue.put_first(again)
            else:
                queue.put(again)
            if queue.lasting:
                message = entry.message
                self._trace.append(Requeued(self._scheduler.now, message.number, name, reason, message.task_id))
            self.arrived(queue)

    def _restore_delivered_before(self, moment: int) -> None:
        """A scan: the newest is put to the front first, so that the oldest ends up in front of it."""
        due = [tag for tag, held in self._index.items() if held.at <= moment]
        for tag in reversed(due):
            self._restore(self._index.pop(tag), "visibility timeout", to_front=True)
        self._plan_restore()

    def _plan_restore(self) -> None:
        self._restores.plan_again(held.at for held in self._index.values())

    # --- out of the queue -------------------------------------------------------------------------------

    def ready(self, connection: Connection) -> bool:
        if connection.inbox:
            return True
        for channel in connection.channels:
            if channel.cycle and has_credit(channel) and channel.may_pull():
                self._line.poll(channel)
            if channel.has_listeners:
                self._listen(channel)
        connection.polls = not connection.inbox
        return not connection.polls

    def _listen(self, channel: Channel) -> None:
        """Read the next published message of each subscription of a channel."""
        inbox = channel.connection.inbox
        for consumer in channel.consumers.values():
            if consumer.mailbox and has_credit(channel) and not any(held.consumer is consumer for held in inbox):
                entry = consumer.mailbox.popleft()
                inbox.append(Held(entry, consumer.queue, channel, consumer, entry.message.number, self._scheduler.now))

    def take(self, connection: Connection) -> tuple[Channel, Delivery] | None:
        if not connection.inbox and not self.ready(connection):
            return None
        connection.polls = False
        held = connection.inbox.popleft()
        self._line.read(held)
        self._hold(held, no_ack=held.consumer is not None and held.consumer.no_ack)
        self._line.serve_next()
        return held.channel, held.delivery()

    def get(self, channel: Channel, queue: Queue, *, no_ack: bool) -> Delivery | None:
        if not queue.size:
            return None
        entry = queue.pop()
        held = Held(entry, queue, channel, None, entry.message.number, self._scheduler.now)
        self._hold(held, no_ack=no_ack)
        return held.delivery()

    def _hold(self, held: Held, *, no_ack: bool) -> None:
        held.at = now = self._scheduler.now
        queue, entry, channel = held.queue, held.entry, held.channel
        message, node = entry.message, channel.connection.owner
        if queue.lasting:
            self._trace.append(
                Delivered(now, message.number, queue.name, node, entry.redelivered, message.task_id, message.task)
            )
            if no_ack:
                self._trace.append(Acked(now, message.number, queue.name, node, message.task_id))
            elif held.tag not in channel.unacked:
                self._held += 1
        if not no_ack:
            channel.unacked[held.tag] = held
            self._index.pop(held.tag, None)
            self._index[held.tag] = held
            if self._restores.timer is None:
                self._plan_restore()

    # --- afterwards -------------------------------------------------------------------------------------

    def ack(self, channel: Channel, tag: int, *, multiple: bool) -> None:
        held = channel.unacked.pop(tag, None)
        if held is None:
            return
        self._index.pop(tag, None)
        if held.queue.lasting:
            self._held -= 1
            message, node = held.entry.message, channel.connection.owner
            self._trace.append(Acked(self._scheduler.now, message.number, held.queue.name, node, message.task_id))
        self._poll_for(channel.connection)

    def reject(self, channel: Channel, tag: int, *, requeue: bool) -> None:
        held = channel.unacked.pop(tag, None)
        if held is None:
            return
        self._held -= held.queue.lasting
        indexed = self._index.pop(tag, None)
        if not requeue:
            self.broker.record_dropped(held.queue, held.entry, "rejected")
        elif indexed is not None:
            self._restore(indexed, "rejected", to_front=False)
        self._poll_for(channel.connection)

    def recover(self, channel: Channel) -> None:
        self._restore_all(channel, "recovered")
        self._poll_for(channel.connection)

    def limit(self, channel: Channel, count: int, *, is_global: bool) -> None:
        channel.limit = count
        self._poll_for(channel.connection)

    def _poll_for(self, connection: Connection) -> None:
        """Poll in the place of a connection that found nothing when it did so itself, and wake it."""
        if connection.polls and self.ready(connection):
            connection.wake()

    def _restore_all(self, channel: Channel, reason: str) -> None:
        """kombu puts the message delivered last in front of all others."""
        held_tags, channel.unacked = list(channel.unacked.items()), {}
        for tag, held in held_tags:
            self._held -= held.queue.lasting
            indexed = self._index.pop(tag, None)
            if indexed is not None:
                self._restore(indexed, reason, to_front=True)

    # --- consumers --------------------------------------------------------------------------------------

    def consuming(self, consumer: Consumer) -> None:
        channel = consumer.channel
        consumer.listens = consumer.queue.subscribed
        self._start_cycle(channel)
        if consumer.queue.lasting and not consumer.listens:
            self._restores.begin(channel.connection)
        self._poll_for(channel.connection)

    def cancelled(self, consumer: Consumer) -> None:
        channel = consumer.channel
        queue = self._stop(consumer)
        self._start_cycle(channel)
        self._end_restores(channel.connection)
        self._serve([queue])

    def release(self, channels: list[Channel], reason: str, *, orderly: bool) -> None:
        """Only the client library gives back; when it is gone, its messages wait for the visibility timeout."""
        queues: list[Queue | None] = []
        for channel in channels:
            for consumer in channel.consumers.values():
                consumer.queue.consumers.remove(consumer)
                queues.append(self._stop(consumer))
            channel.consumers.clear()
            self._start_cycle(channel)
            self._end_restores(channel.connection)
        for channel in channels:
            if orderly:
                self._restore_all(channel, "restored")
                self._delete_fanout_queues(channel)
            else:
                self._held -= sum(held.queue.lasting for held in channel.unacked.values())
                channel.unacked = {}
        self._serve(queues)

    def _stop(self, consumer: Consumer) -> Queue | None:
        """Take back what is on its way; returns the queue that got something back."""
        queue = self._line.withdraw(consumer)
        connection = consumer.channel.connection
        connection.inbox = deque(held for held in connection.inbox if held.consumer is not consumer)
        consumer.mailbox.clear()
        return queue

    def _serve(self, queues: Iterable[Queue | None]) -> None:
        for queue in queues:
            if queue is not None:
                self._line.arrived(queue)
        self._line.serve_next()

    def _start_cycle(self, channel: Channel) -> None:
        """kombu begins its order of queues anew with each change of the consumers."""
        consumers = channel.consumers.values()
        channel.cycle = list(dict.fromkeys(consumer.queue for consumer in consumers if not consumer.listens))
        channel.has_listeners = any(consumer.listens for consumer in consumers)

    def _end_restores(self, connection: Connection) -> None:
        if not any(queue.lasting for channel in connection.channels for queue in channel.cycle):
            self._restores.end(connection)

    def _delete_fanout_queues(self, channel: Channel) -> None:
        for name in channel.auto_delete_queues:
            queue = self.broker.queues.get(name)
            if queue is not None and queue.subscribed and not queue.consumers:
                self.broker.remove_queue(queue)

    # --- looking ----------------------------------------------------------------------------------------

    def unacked(self) -> Iterator[Held]:
        return iter(self._index.values())

    def on_the_way(self) -> Iterator[tuple[Queue, Entry]]:
        for held in self._line.replies.values():
            yield held.queue, held.entry
        for queue in self.broker.queues.values():
            for consumer in queue.consumers:
                yield from ((queue, entry) for entry in consumer.mailbox)

    def is_busy(self) -> bool:
        if self._held or self._line.replies or (self._index and self._restores.possible):
            return True
        return any(queue.lasting for queue, _ in self.on_the_way())
