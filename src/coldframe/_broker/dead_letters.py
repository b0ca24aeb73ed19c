"""RabbitMQ: what a queue gives up goes to its dead letter exchange, if it has one."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from coldframe._broker.message import Message
from coldframe._broker.profiles import RabbitMQ
from coldframe._broker.queues import Entry, Queue
from coldframe._core.moments import SECOND

if TYPE_CHECKING:
    from coldframe._broker.broker import Broker

#: RabbitMQ's words for the reasons of our events; what is purged or deleted with its queue is not dead-lettered.
DEATHS = {
    "rejected": "rejected",
    "expired": "expired",
    "delivery limit": "delivery_limit",
    "queue full": "maxlen",
}

LAST_DEATH_SINCE = (3, 13)


def give_up(broker: Broker, queue: Queue, entry: Entry, reason: str) -> None:
    """Drop an entry that is no longer in its queue, and publish it again where the queue says."""
    exchange = queue.arguments.get("x-dead-letter-exchange")
    broker.record_dropped(queue, entry, reason, dead_letter_exchange=exchange)
    if exchange is None or queue.deleted:
        return
    routing_key = queue.arguments.get("x-dead-letter-routing-key", entry.routing_key)
    message = _dead_message(broker, queue, entry, DEATHS[reason])
    deaths: list[dict[str, Any]] = message.headers["x-death"]
    names = broker.route(exchange, routing_key, message.headers)
    targets = [broker.queues[name] for name in names if not _goes_in_circles(name, deaths)]
    broker.dealer.spread(targets, message, exchange, routing_key)


def _dead_message(broker: Broker, queue: Queue, entry: Entry, reason: str) -> Message:
    message = entry.message.copy()
    headers = message.headers
    deaths: list[dict[str, Any]] = headers.get("x-death") or []
    death = next((d for d in deaths if d["queue"] == queue.name and d["reason"] == reason), None)
    if death is None:
        death = {"count": 0, "reason": reason, "queue": queue.name}
        death["time"] = datetime.fromtimestamp(broker.scheduler.now // SECOND, UTC).replace(tzinfo=None)
        death |= {"exchange": entry.exchange, "routing-keys": [entry.routing_key]}
    else:
        deaths.remove(death)
    death["count"] += 1
    if "expiration" in message.properties:
        death["original-expiration"] = message.properties.pop("expiration")
    headers["x-death"] = [death, *deaths]
    where = {"reason": reason, "queue": queue.name, "exchange": entry.exchange}
    for name, value in where.items():
        headers.setdefault(f"x-first-death-{name}", value)
        if isinstance(broker.profile, RabbitMQ) and broker.profile.version >= LAST_DEATH_SINCE:
            headers[f"x-last-death-{name}"] = value
    return message


def _goes_in_circles(name: str, deaths: list[dict[str, Any]]) -> bool:
    """RabbitMQ drops a message that comes back to a queue without anybody having rejected it on the way."""
    for death in deaths:
        if death["reason"] == "rejected":
            return False
        if death["queue"] == name:
            return True
    return False
