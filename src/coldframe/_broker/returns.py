"""RabbitMQ: how a message goes back to its queue, and when a queue is too full or a message came back too often."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coldframe._broker.dead_letters import give_up
from coldframe._broker.queues import Held, Queue
from coldframe._core.events import Requeued

if TYPE_CHECKING:
    from coldframe._broker.broker import Broker

#: RabbitMQ 4.0 gives every quorum queue a delivery limit.
QUORUM_DELIVERY_LIMIT = 20
QUORUM_LIMITED_SINCE = (4, 0)


def give_back(broker: Broker, version: tuple[int, int], held: Held, reason: str) -> None:
    """Put an entry back where it stood, unless its queue is gone or limits how often it may come back."""
    entry, queue = held.entry, held.queue
    entry.redelivered = True
    if queue.deleted:
        broker.record_dropped(queue, entry, "queue deleted")
        return
    if queue.is_quorum:
        entry.returns += 1
        limit = delivery_limit(queue, version)
        if limit is not None and entry.returns > limit:
            give_up(broker, queue, entry, "delivery limit")
            return
        if limit is None and reason == "rejected":
            entry.position = broker.next_position()
    queue.put_back(entry)
    if queue.lasting:
        message = entry.message
        broker.trace.append(Requeued(broker.scheduler.now, message.number, queue.name, reason, message.task_id))
    if queue.perishable:
        broker.expiry.plan(queue)


def delivery_limit(queue: Queue, version: tuple[int, int]) -> int | None:
    """How often a message of a quorum queue may come back."""
    default = QUORUM_DELIVERY_LIMIT if version >= QUORUM_LIMITED_SINCE else None
    limit: int | None = queue.arguments.get("x-delivery-limit", default)
    return limit


def keep_length(broker: Broker, queue: Queue, longest: int) -> None:
    """Give up what is too much for a queue with x-max-length: its oldest message, or the new one."""
    refuses_new = str(queue.arguments.get("x-overflow", "drop-head")).startswith("reject-publish")
    while queue.size > longest:
        give_up(broker, queue, queue.pop_newest() if refuses_new else queue.pop(), "queue full")
