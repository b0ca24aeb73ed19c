"""Time to live: of messages at the head of their queue, and of queues that nobody uses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coldframe._broker.dead_letters import give_up
from coldframe._broker.queues import Entry, Queue

if TYPE_CHECKING:
    from coldframe._broker.broker import Broker

MILLISECOND = 1000


class Expiry:
    """Watches what can expire; timers are only set for queues that need them."""

    def __init__(self, broker: Broker) -> None:
        self.broker = broker
        self._scheduler = broker.scheduler

    # --- messages (RabbitMQ) ----------------------------------------------------------------------------

    def stamp(self, queue: Queue, entry: Entry) -> None:
        """Give an entry the earlier of its own and its queue's end."""
        spans = [queue.arguments.get("x-message-ttl"), entry.message.properties.get("expiration")]
        lives = [int(span) for span in spans if span is not None]
        if lives:
            entry.expires_at = self._scheduler.now + min(lives) * MILLISECOND
            queue.perishable = True

    def plan(self, queue: Queue) -> None:
        """Set the timer for the entry at the head: only there messages expire."""
        ends = [entry.expires_at for entry in queue.heads() if entry.expires_at is not None]
        timer = queue.expiry_timer
        if not ends or (timer is not None and not timer.cancelled and timer.when <= min(ends)):
            return
        if timer is not None:
            timer.cancel()
        queue.expiry_timer = self._scheduler.call_at(min(ends), lambda: self._expire(queue))

    def _expire(self, queue: Queue) -> None:
        queue.expiry_timer = None
        now = self._scheduler.now
        for lane in queue.lanes:
            while lane and (end := lane[0].expires_at) is not None and end <= now:
                queue.size -= 1
                give_up(self.broker, queue, lane.popleft(), "expired")
        self.plan(queue)

    # --- queues -----------------------------------------------------------------------------------------

    def used(self, queue: Queue) -> None:
        """Note that a queue with x-expires is in use; it goes when it has not been for that long."""
        if "x-expires" in queue.arguments:
            queue.used_at = self._scheduler.now
            if queue.idle_timer is None:
                self._watch(queue)

    def _watch(self, queue: Queue) -> None:
        end = queue.used_at + int(queue.arguments["x-expires"]) * MILLISECOND
        queue.idle_timer = self._scheduler.call_at(end, lambda: self._check_use(queue))

    def _check_use(self, queue: Queue) -> None:
        queue.idle_timer = None
        strict = self.broker.is_strict
        if queue.deleted or (strict and queue.consumers) or "x-expires" not in queue.arguments:
            return
        if queue.used_at + int(queue.arguments["x-expires"]) * MILLISECOND > self._scheduler.now:
            self._watch(queue)
        elif strict:
            self.broker.remove_queue(queue)
        else:
            self.broker.drop_all(queue, "expired")
