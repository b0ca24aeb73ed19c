"""Priorities: into how many lanes a queue is split, and which lane a message belongs to."""

from __future__ import annotations

from bisect import bisect
from typing import Any

from coldframe._broker.message import Message
from coldframe._broker.profiles import Profile, Redis
from coldframe._broker.queues import Entry, Queue

#: kombu's virtual transports clip priorities to 0..9.
HIGHEST_KOMBU_PRIORITY = 9


def new_queue(profile: Profile, name: str, arguments: dict[str, Any]) -> Queue:
    """A queue as the broker of a profile makes it."""
    if isinstance(profile, Redis):
        steps = profile.priority_steps
        return Queue(name, len(steps), lambda priority: _step(steps, priority), _mark_redelivered)
    highest = int(arguments.get("x-max-priority") or 0)
    stamp = _count_deliveries if arguments.get("x-queue-type") == "quorum" else None
    if not highest:
        return Queue(name, 1, None, stamp)
    return Queue(name, highest + 1, lambda priority: highest - min(int(priority or 0), highest), stamp)


def _step(steps: tuple[int, ...], priority: Any) -> int:
    """Redis: the list for a priority; 0 is the most urgent, and what is no number counts as 0."""
    try:
        number = max(0, min(int(priority), HIGHEST_KOMBU_PRIORITY))
    except (TypeError, ValueError):
        number = 0
    return (bisect(steps, number) - 1) % len(steps)


def _mark_redelivered(entry: Entry, message: Message) -> None:
    if entry.redelivered:
        message.headers["redelivered"] = True


def _count_deliveries(entry: Entry, message: Message) -> None:
    message.headers["x-delivery-count"] = entry.returns
