"""Follows the first task of a run through the lines of its module, and kills its process before one of them."""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType
from typing import Any

from killing import log

#: What stands for the line after the last one: the task is about to return.
END = 0


class Follower:
    """Follows one task.

    Args:
        kill_before: The place of the line among those that the task runs; None to let it live.
    """

    def __init__(self, kill_before: int | None) -> None:
        self._kill_before = kill_before
        self._passed = 0
        self._depth = 0

    def __call__(self, frame: FrameType, event: str, _argument: Any) -> Any:
        """As `sys.settrace` calls it for each function that begins."""
        if event != "call" or "/specimens/flaws/" not in frame.f_code.co_filename:
            return None
        self._depth += 1
        return self._inside

    def _inside(self, frame: FrameType, event: str, _argument: Any) -> Any:
        if event == "line":
            self._pass(frame.f_lineno)
        elif event == "return":
            self._depth -= 1
            if not self._depth:
                self._pass(END)
                sys.settrace(None)
        return self._inside

    def _pass(self, line: int) -> None:
        if self._passed == self._kill_before:
            log.write("killed")
            os.kill(os.getpid(), signal.SIGKILL)
        log.write("line", line=line)
        self._passed += 1
