"""Redis: who is served when several clients wait for the same lists (BRPOP)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coldframe._broker.queues import Consumer, Entry, Held, Queue

if TYPE_CHECKING:
    from coldframe._broker.channel import Channel
    from coldframe._broker.profiles import Redis
    from coldframe._core.scheduler import Scheduler


class WaitingLine:
    """Channels with an open BRPOP, and the replies that were sent and not read yet.

    Redis serves the client that waits longest, and takes the message out of the list at once. Consumers that
    read at the same moment take turns here: who comes back for more stands back while another one's reply is
    unread, because in life the others are not slower.
    """

    def __init__(self, scheduler: Scheduler, profile: Redis) -> None:
        self._scheduler = scheduler
        self._steps = range(len(profile.priority_steps))
        self._order = profile.queue_order
        self._waiting: dict[Channel, None] = {}
        self._replied_at = 0
        self._stood_back = False
        self.replies: dict[Channel, Held] = {}

    def arrived(self, queue: Queue) -> None:
        """Serve those who wait for a queue."""
        while queue.size and self._waiting:
            channel = next((c for c in self._waiting if queue in c.cycle and has_credit(c)), None)
            if channel is None or not self._reply(channel):
                return
            if len(channel.connection.inbox) == 1:
                channel.connection.wake()

    def poll(self, channel: Channel) -> None:
        """Take what is there, or wait in line."""
        if self.replies and self._replied_at == self._scheduler.now:
            self._stood_back = True
        elif self._reply(channel):
            return
        self._waiting.setdefault(channel)

    def read(self, held: Held) -> None:
        """The client has read a reply."""
        if self.replies.get(held.channel) is held:
            del self.replies[held.channel]

    def serve_next(self) -> None:
        """Serve those who stood back, once all replies are read."""
        if not self._stood_back or self.replies:
            return
        self._stood_back = False
        for channel in list(self._waiting):
            if has_credit(channel) and self._reply(channel) and len(channel.connection.inbox) == 1:
                channel.connection.wake()

    def withdraw(self, consumer: Consumer) -> Queue | None:
        """Put the reply that a consumer did not read back into its list: no message is lost to a mere instant."""
        channel = consumer.channel
        self._waiting.pop(channel, None)
        held = self.replies.get(channel)
        if held is None or held.consumer is not consumer:
            return None
        del self.replies[channel]
        channel.connection.inbox.remove(held)
        held.queue.put_first(held.entry)
        return held.queue

    def _reply(self, channel: Channel) -> bool:
        entry, queue = self._pop(channel)
        if entry is None or queue is None:
            return False
        self._waiting.pop(channel, None)
        consumer = next(c for c in channel.consumers.values() if c.queue is queue)
        self._replied_at = now = self._scheduler.now
        self.replies[channel] = held = Held(entry, queue, channel, consumer, entry.message.number, now)
        channel.connection.inbox.append(held)
        return True

    def _pop(self, channel: Channel) -> tuple[Entry | None, Queue | None]:
        """All lists of the most urgent step first, in the order of the queues; then the next step."""
        queues = [queue for queue in channel.cycle if queue.size]
        if not queues:
            return None, None
        if self._order == "sorted":
            queues.sort(key=_name)
        for step in self._steps:
            for queue in queues:
                if lane := queue.lanes[step]:
                    queue.size -= 1
                    if self._order == "round_robin" and len(channel.cycle) > 1:
                        channel.cycle.remove(queue)
                        channel.cycle.append(queue)
                    return lane.popleft(), queue
        return None, None


def has_credit(channel: Channel) -> bool:
    """True if the prefetch of a channel leaves room for another message."""
    return not channel.limit or len(channel.unacked) < channel.limit


def _name(queue: Queue) -> str:
    return queue.name
