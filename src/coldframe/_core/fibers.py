"""What a scheduler runs: processes, their fibers, and timers."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from greenlet import greenlet

if TYPE_CHECKING:
    from coldframe._core.scheduler import Scheduler


class Process:
    """A simulated process: the test, beat, a node, or one of its pool processes."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.alive = True
        self.fibers: list[Fiber] = []

    def enter(self) -> None:
        """Called when the scheduler switches to this process from another one."""

    def leave(self) -> None:
        """Called when the scheduler switches from this process to another one."""

    def release(self) -> None:
        """Called for good when the scheduler closes, if a fiber of this process stays in memory."""

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}{'' if self.alive else ' (dead)'}>"


class Fiber:
    """One greenlet of a simulated process."""

    __slots__ = ("disposable", "greenlet", "parked", "pending", "point", "process", "started", "woken")

    def __init__(self, process: Process, body: greenlet, *, disposable: bool) -> None:
        self.process = process
        self.greenlet = body
        #: Where to resume: a library may have switched to a greenlet of its own inside this fiber.
        self.point = body
        self.parked = False
        self.woken = False
        self.started = False
        self.pending: BaseException | None = None
        #: True while only Coldframe's and Celery's own code is on the stack, so that it may be unwound.
        self.disposable = disposable

    def __repr__(self) -> str:
        return f"<Fiber of {self.process.name}>"


class Timer:
    """A callback that is due at a moment; it runs in the scheduler and must not park."""

    __slots__ = ("_scheduler", "callback", "cancelled", "when")

    def __init__(self, scheduler: Scheduler, when: int, callback: Callable[[], object]) -> None:
        self._scheduler = scheduler
        self.when = when
        self.callback = callback
        self.cancelled = False

    def cancel(self) -> None:
        """Forget the timer; cancelling twice is harmless."""
        if not self.cancelled:
            self.cancelled = True
            self._scheduler.forget_timer()
