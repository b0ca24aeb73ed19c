"""Ctrl-C on a bench: it reaches the test, whoever happens to run, and leaves no bench half open or half closed."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from coldframe._core.scheduler import Scheduler


class Interrupts:
    """Stands in front of the handler of SIGINT, which would raise in whichever task happens to run.

    Args:
        scheduler: Whose test shall be interrupted.
    """

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self._previous: Callable[[int, Any], Any] | None = None
        self._holding = False
        self._held: list[tuple[int, Any]] = []
        self._mine = self._handle

    def install(self) -> None:
        """Begin, unless signals are handled elsewhere: in another thread, or outside of Python."""
        previous = signal.getsignal(signal.SIGINT)
        if threading.current_thread() is threading.main_thread() and callable(previous):
            self._previous = previous
            signal.signal(signal.SIGINT, self._mine)

    def restore(self) -> None:
        """Put the handler back, unless somebody has set another one meanwhile."""
        previous, self._previous = self._previous, None
        if previous is not None and signal.getsignal(signal.SIGINT) is self._mine:
            signal.signal(signal.SIGINT, previous)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep a Ctrl-C waiting until the block is done: inside, all or nothing must happen."""
        previous, self._holding = self._previous, True
        try:
            yield
        finally:
            self._holding = False
        if self._held and previous is not None:
            number, frame = self._held[0]
            self._held.clear()
            previous(number, frame)

    def _handle(self, number: int, frame: Any) -> None:
        if self._holding:
            self._held.append((number, frame))
            return
        try:
            if self._previous is not None:
                self._previous(number, frame)
        except KeyboardInterrupt as error:
            self._scheduler.break_out(error)
