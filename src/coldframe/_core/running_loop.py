"""The asyncio loop that runs in a greenlet, taken out of sight while another greenlet runs.

asyncio keeps what runs now per OS thread; here several greenlets share one thread, and each may run a loop.
"""

from __future__ import annotations

import asyncio
import sys
from asyncio.events import AbstractEventLoop, _get_running_loop, _set_running_loop
from typing import Any

#: Since 3.14 the current task is kept per thread, like the loop; until then it is kept per loop.
_swap_current_task: Any = getattr(asyncio.tasks, "_swap_current_task", None) if sys.version_info >= (3, 14) else None


class RunningLoop:
    """The running loop of this thread, with all that the interpreter keeps for it beside."""

    __slots__ = ("_hooks", "_loop", "_origin_depth", "_task")

    def __init__(self, loop: AbstractEventLoop) -> None:
        self._loop = loop
        self._task = _swap_current_task(loop, None) if _swap_current_task else None
        self._hooks = sys.get_asyncgen_hooks()
        self._origin_depth = sys.get_coroutine_origin_tracking_depth()
        sys.set_asyncgen_hooks(None, None)
        sys.set_coroutine_origin_tracking_depth(0)
        _set_running_loop(None)

    def put_back(self) -> None:
        """Make the loop the running one again."""
        _set_running_loop(self._loop)
        sys.set_coroutine_origin_tracking_depth(self._origin_depth)
        sys.set_asyncgen_hooks(*self._hooks)
        if self._task is not None:
            _swap_current_task(self._loop, self._task)


def take_running_loop() -> RunningLoop | None:
    """Take the running loop of this thread out of sight; None if there is none."""
    loop = _get_running_loop()
    return None if loop is None else RunningLoop(loop)
