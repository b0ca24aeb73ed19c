"""Redis' way: consumers pull from lists (BRPOP), and what they take stays in a hash until it is acknowledged.

kombu knows an unacknowledged message by one tag for all its life, so the tag of a delivery is the message's
number: when a message was restored and handed out a second time, the first holder's acknowledgement removes
the second holder's record, as it does in real life.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

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
        #: kombu's hash of unacknowledged messages, the one delivered first in front.
        self._index: dict[int, Held] = {}
        #: Channels with an open BRPOP, the one that waits longest in front.
        self._waiting: dict[Channel, None] = {}
        #: Replies to a BRPOP that their connection has not read yet, and the moment of the last one.
        self._replies: dict[Channel, Held] = {}
        self._replied_at = 0
        #: True when somebody had to stand back for the others' replies.
        self._stood_back = False
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
            if self._waiting:
                self.arrived(queue)

    def arrived(self, queue: Queue) -> None:
        while queue.size:
            channel = next((c for c in self._waiting if queue in c.cycle and _has_credit(c)), None)
            if channel is None or not self._reply(channel):
                return

    def _tell_listeners(self, queue: Queue, entry: Entry) -> None:
        """PUBLISH: each subscriber gets a copy, and without one the message is gone."""
        listeners = [consumer for consumer in queue.consumers if consumer.listens]
        for consumer in listeners:
            consumer.mailbox.append(entry)
            self._listen(consumer.channel)
        if not listeners:
            self.broker.record_dropped(queue, entry, "nobody listens")

    def _restore(self, held: Held, reason: str, *, to_front: bool) -> None:
        """Put an unacknowledged message into every queue it would be routed to today, as kombu does."""
        entry = held.entry
        names = self.broker.route(entry.exchange, entry.routing_key, entry.message.headers)
        if not names:
            self.broker.record_dropped(held.queue, entry, "queue deleted")
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
        self._restores.plan_again(held.at for held in self._index.values())

    # --- out of the queue -------------------------------------------------------------------------------

    def ready(self, connection: Connection) -> bool:
        if connection.inbox:
            return True
        for channel in connection.channels:
            if channel.cycle and _has_credit(channel):
                self._poll(channel)
            self._listen(channel)
        return bool(connection.inbox)

    def _poll(self, channel: Channel) -> None:
        """BRPOP: take what is there, or wait in line.

        Consumers that read at the same moment take turns: who comes back for more stands back while another
        one's reply is unread.
        """
        stands_back = bool(self._replies) and self._replied_at == self._scheduler.now
        if stands_back or not self._reply(channel):
            self._stood_back = self._stood_back or stands_back
            self._waiting.setdefault(channel)

    def _reply(self, channel: Channel) -> bool:
        queue, entry = self._pop(channel)
        if queue is None or entry is None:
            return False
        self._waiting.pop(channel, None)
        consumer = next(c for c in channel.consumers.values() if c.queue is queue)
        held = Held(entry, queue, channel, consumer, entry.message.number, self._scheduler.now)
        self._replies[channel] = held
        self._replied_at = self._scheduler.now
        self._send(channel.connection, held)
        return True

    def _pop(self, channel: Channel) -> tuple[Queue | None, Entry | None]:
        """All lists of the most urgent step first, in the order of the queues; then the next step."""
        cycle = [queue for queue in channel.cycle if queue.size]
        if not cycle:
            return None, None
        if self.profile.queue_order == "sorted":
            cycle.sort(key=_name)
        for step in range(len(self.profile.priority_steps)):
            for queue in cycle:
                if lane := queue.lanes[step]:
                    queue.size -= 1
                    if self.profile.queue_order == "round_robin" and len(channel.cycle) > 1:
                        channel.cycle.remove(queue)
                        channel.cycle.append(queue)
                    return queue, lane.popleft()
        return None, None

    def _listen(self, channel: Channel) -> None:
        """Read the next published message of each subscription of a channel that may have more."""
        for consumer in channel.consumers.values():
            on_the_way = any(held.consumer is consumer for held in channel.connection.inbox)
            if consumer.mailbox and not on_the_way and _has_credit(channel):
                entry = consumer.mailbox.popleft()
                held = Held(entry, consumer.queue, channel, consumer, entry.message.number, self._scheduler.now)
                self._send(channel.connection, held)

    def _send(self, connection: Connection, held: Held) -> None:
        was_empty = not connection.inbox and not connection.notices
        connection.inbox.append(held)
        if was_empty and connection.on_ready is not None:
            connection.on_ready()

    def take(self, connection: Connection) -> tuple[Channel, Delivery] | None:
        if not connection.inbox and not self.ready(connection):
            return None
        held = connection.inbox.popleft()
        channel = held.channel
        if self._replies.get(channel) is held:
            del self._replies[channel]
        self._hold(held, no_ack=held.consumer is not None and held.consumer.no_ack)
        if self._stood_back and not self._replies:
            self._serve_waiting()
        return channel, held.delivery()

    def _hold(self, held: Held, *, no_ack: bool) -> None:
        held.at = self._scheduler.now
        queue, message, channel = held.queue, held.entry.message, held.channel
        node = channel.connection.owner
        if queue.lasting:
            self._trace.append(
                Delivered(
                    held.at, message.number, queue.name, node, held.entry.redelivered, message.task_id, message.task
                )
            )
        if no_ack:
            if queue.lasting:
                self._trace.append(Acked(held.at, message.number, queue.name, node, message.task_id))
            return
        if queue.lasting and held.tag not in channel.unacked:
            self._held += 1
        channel.unacked[held.tag] = held
        self._index.pop(held.tag, None)
        self._index[held.tag] = held
        if self._restores.timer is None:
            self._restores.plan_again(held.at for held in self._index.values())

    def _serve_waiting(self) -> None:
        self._stood_back = False
        for channel in list(self._waiting):
            if _has_credit(channel):
                self._reply(channel)

    def get(self, channel: Channel, queue: Queue, *, no_ack: bool) -> Delivery | None:
        if not queue.size:
            return None
        entry = queue.pop()
        held = Held(entry, queue, channel, None, entry.message.number, self._scheduler.now)
        self._hold(held, no_ack=no_ack)
        return held.delivery()

    # --- afterwards -------------------------------------------------------------------------------------

    def ack(self, channel: Channel, tag: int, *, multiple: bool) -> None:  # noqa: ARG002 -- kombu ignores it too
        held = channel.unacked.pop(tag, None)
        if held is None:
            return
        self._index.pop(tag, None)
        if held.queue.lasting:
            self._held -= 1
            message, node = held.entry.message, channel.connection.owner
            self._trace.append(Acked(self._scheduler.now, message.number, held.queue.name, node, message.task_id))
        self._credited(channel)

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
        self._credited(channel)

    def recover(self, channel: Channel) -> None:
        self._restore_all(channel, "recovered")
        self._credited(channel)

    def limit(self, channel: Channel, count: int, *, is_global: bool) -> None:  # noqa: ARG002 -- kombu ignores it too
        channel.limit = count
        self._credited(channel)

    def _credited(self, channel: Channel) -> None:
        """A connection that found nothing because its prefetch was used up may have something now."""
        connection = channel.connection
        if connection.on_ready is not None and connection.alive:
            self.ready(connection)

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
        consumer.listens = consumer.queue.subscribed
        self._start_cycle(consumer.channel)
        if consumer.queue.lasting and not consumer.listens:
            self._restores.begin(consumer.channel.connection)

    def cancelled(self, consumer: Consumer) -> None:
        channel = consumer.channel
        self._take_back_reply(channel, consumer)
        self._start_cycle(channel)
        self._end_restores(channel.connection)

    def release(self, channels: list[Channel], reason: str, *, orderly: bool) -> None:  # noqa: ARG002
        """Only the client library gives back; when it is gone, its messages wait for the visibility timeout."""
        for channel in channels:
            for consumer in channel.consumers.values():
                consumer.queue.consumers.remove(consumer)
                self._take_back_reply(channel, consumer)
            channel.consumers.clear()
            self._start_cycle(channel)
            self._end_restores(channel.connection)
            if orderly:
                self._restore_all(channel, "restored")
                self._delete_fanout_queues(channel)
            else:
                self._held -= sum(held.queue.lasting for held in channel.unacked.values())
                channel.unacked.clear()

    def _start_cycle(self, channel: Channel) -> None:
        pulled = (consumer.queue for consumer in channel.consumers.values() if not consumer.listens)
        channel.cycle = list(dict.fromkeys(pulled))
        if not channel.cycle:
            self._waiting.pop(channel, None)
        elif channel.connection.on_ready is not None:
            self._credited(channel)

    def _take_back_reply(self, channel: Channel, consumer: Consumer) -> None:
        """A reply that nobody read goes back, so that no message is lost to the width of an instant."""
        inbox = channel.connection.inbox
        channel.connection.inbox = deque(held for held in inbox if held.consumer is not consumer)
        held = self._replies.get(channel)
        if held is not None and held.consumer is consumer:
            del self._replies[channel]
            held.queue.put_first(held.entry)
            self.arrived(held.queue)
        if self._stood_back and not self._replies:
            self._serve_waiting()

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
        for held in self._replies.values():
            yield held.queue, held.entry
        for queue in self.broker.queues.values():
            for consumer in queue.consumers:
                yield from ((queue, entry) for entry in consumer.mailbox)

    def is_busy(self) -> bool:
        if self._held or self._replies or (self._index and self._restores.possible):
            return True
        return any(queue.lasting and consumer.mailbox for queue in self.broker.queues.values() for consumer in queue.consumers)


def _has_credit(channel: Channel) -> bool:
    return not channel.limit or len(channel.unacked) < channel.limit


def _name(queue: Queue) -> str:
    return queue.name
