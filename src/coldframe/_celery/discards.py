"""Messages that a node gives up without running them become part of the trace."""

from __future__ import annotations

from typing import Any

from celery import signals

from coldframe._celery.world import World
from coldframe._core.events import Discarded


def record_discards(world: World) -> None:
    """Connect to Celery's signals; they are put back with all receivers when the bench closes."""

    def note(task_id: str | None, task: str | None, reason: str, detail: str = "") -> None:
        node = world.process.name
        world.trace.append(Discarded(world.scheduler.now, task_id, task, node, reason, detail))

    def revoked(request: Any, terminated: bool, expired: bool, sender: Any = None, **rest: Any) -> None:
        if not terminated:
            note(request.id, getattr(sender, "name", None), "expired" if expired else "revoked")

    def unknown(name: str, id: str, **rest: Any) -> None:
        note(id, name, "unknown task")

    def rejected(message: Any, exc: Any, **rest: Any) -> None:
        headers = message.headers if isinstance(message.headers, dict) else {}
        note(headers.get("id"), headers.get("task"), "invalid", repr(exc) if exc else "")

    signals.task_revoked.connect(revoked, weak=False)
    signals.task_unknown.connect(unknown, weak=False)
    signals.task_rejected.connect(rejected, weak=False)
