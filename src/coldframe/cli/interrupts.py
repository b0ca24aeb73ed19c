"""Ctrl-C ends a command in order: what is done is kept, and nothing is left behind."""

from __future__ import annotations

import signal
from typing import Any, Self

#: A clean end may take a moment. Who asks for the third time does not want to wait for it.
IMPATIENT = 3


class Interrupts:
    """Knows whether the command was interrupted; SIGTERM counts as Ctrl-C."""

    def __init__(self) -> None:
        self.count = 0

    def __bool__(self) -> bool:
        return self.count > 0

    def __enter__(self) -> Self:
        self._before = {
            signal.SIGINT: signal.signal(signal.SIGINT, self._interrupt),
            signal.SIGTERM: signal.signal(signal.SIGTERM, self._terminate),
        }
        return self

    def __exit__(self, *exc_info: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _interrupt(self, number: int, frame: Any) -> None:
        self.count += 1
        if self.count in (1, IMPATIENT):
            raise KeyboardInterrupt

    def _terminate(self, number: int, frame: Any) -> None:
        signal.raise_signal(signal.SIGINT)  # a bench stands in front of Ctrl-C, and knows where to raise it
