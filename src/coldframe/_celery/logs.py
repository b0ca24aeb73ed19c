"""What tasks log becomes part of the trace."""

from __future__ import annotations

import logging
from contextlib import ExitStack

from coldframe._celery.world import World
from coldframe._core.events import Logged

#: Celery's own lines about a task tell what the trace tells better.
OWN_LOGGERS = ("celery.app.trace", "celery.worker", "celery.pool", "celery.bootsteps", "kombu", "coldframe")

#: Who calls errbacks that take a request, an exception and a traceback: at once, and not as tasks.
ERRBACKS = "celery.backends.base"


class TaskLog(logging.Handler):
    """Records the lines that are logged while a task runs."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self._world = world

    def emit(self, record: logging.LogRecord) -> None:
        attempt = self._world.attempt()
        if attempt is None or record.name.startswith(OWN_LOGGERS):
            return
        world = self._world
        error = record.exc_info[1] if record.exc_info else None
        if record.name == ERRBACKS and error is not None and isinstance(record.args, tuple):
            world.on_errback_raised(attempt, str(record.args[0]), error)
        try:
            text = record.getMessage()
        except Exception:  # a line with the wrong arguments, which other handlers do not raise either
            self.handleError(record)
            return
        world.trace.append(
            Logged(
                world.scheduler.now,
                attempt.task_id,
                attempt.number,
                record.levelname,
                record.name,
                text,
            )
        )


def record_task_logs(stack: ExitStack, world: World) -> None:
    """Listen at the root logger until the stack closes."""
    handler = TaskLog(world)
    root = logging.getLogger()
    root.addHandler(handler)
    stack.callback(root.removeHandler, handler)
