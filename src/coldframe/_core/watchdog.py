"""A watchdog in real time: a task that spins without ever waiting would stop virtual time for good."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable

from coldframe._core.scheduler import Scheduler

#: How often the watchdog looks, in parts of its limit.
LOOKS = 4

#: Code that swallows every exception in its loop is outside of its `try` for moments only: it is tried again soon.
TRY_AGAIN_S = 0.02


class Stuck(BaseException):
    """Raised inside the code that spins; no `except Exception` of it can hold it up."""


class Watchdog:
    """Raises `Stuck` in a fiber that has run for too long without giving way.

    Args:
        scheduler: Whose fibers are watched.
        limit: Real seconds; the test's own code is never interrupted.
        on_stuck: Told just before, from the watchdog's thread.
    """

    def __init__(self, scheduler: Scheduler, limit: float, on_stuck: Callable[[], None]) -> None:
        self._scheduler = scheduler
        self._limit = limit
        self._on_stuck = on_stuck
        self._over = threading.Event()
        self._watched = threading.get_ident()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to watch, unless it does already."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._watch, name="coldframe-watchdog", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._over.set()
        if self._thread is not None:
            self._thread.join()

    def _watch(self) -> None:
        scheduler = self._scheduler
        seen, looks, pause = -1, 0, self._limit / LOOKS
        while not self._over.wait(pause):
            if scheduler.current is scheduler.main or scheduler.switches != seen:
                seen, looks, pause = scheduler.switches, 0, self._limit / LOOKS
                continue
            looks += 1
            if looks == LOOKS:
                self._on_stuck()
            # The test may have gone on just now: it must not be hit.
            if looks >= LOOKS and scheduler.switches == seen and scheduler.current is not scheduler.main:
                ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(self._watched), ctypes.py_object(Stuck))
                pause = TRY_AGAIN_S
