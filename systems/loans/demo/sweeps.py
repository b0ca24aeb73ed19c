"""All that beat would start in a month, once and now, so that there is something to see."""

from __future__ import annotations

from collections.abc import Iterator
from time import monotonic

from celery import Celery
from celery.exceptions import TimeoutError as NotInTime
from celery.result import AsyncResult

PATIENCE = 45


def run_each_once(app: Celery) -> Iterator[str]:
    """Send each task of the schedule to the worker, and tell what it came to."""
    names = [entry["task"] for entry in app.conf.beat_schedule.values()]
    sent = {name: app.send_task(name) for name in names}
    until = monotonic() + PATIENCE
    for name, result in sent.items():
        yield f"{name}: {_outcome(result, max(0.1, until - monotonic()))}"


def _outcome(result: AsyncResult, seconds: float) -> str:
    try:
        # Threads of a worker live in this process, too; but this is none of them, and may wait.
        came_to = result.get(timeout=seconds, disable_sync_subtasks=False)
    except NotInTime:
        return "not done yet; the log tells why"
    except Exception as error:  # whatever went wrong there is told, and the demo goes on
        return f"failed: {error}"
    told = came_to if isinstance(came_to, dict) else {}
    return ", ".join(f"{number} {what}" for what, number in told.items() if number) or "nothing to do"
