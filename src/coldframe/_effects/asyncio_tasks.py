"""Tasks of asyncio on a bench: remembers by which line of the user's code each was started."""

from __future__ import annotations

from asyncio.base_events import BaseEventLoop
from contextlib import ExitStack
from functools import wraps
from typing import TYPE_CHECKING, Any

from coldframe._effects.families import put
from coldframe._effects.users_code import forget_starts, note_start

if TYPE_CHECKING:
    from coldframe._bench.opening import OpenBench


def join_in(stack: ExitStack, opened: OpenBench) -> None:
    """Note the starts of tasks until the stack closes."""
    real = BaseEventLoop.create_task

    @wraps(real)
    def create_task(loop: BaseEventLoop, *args: Any, **kwargs: Any) -> Any:
        task = real(loop, *args, **kwargs)
        if opened.scheduler.is_own_thread() and opened.world.attempt() is not None:
            note_start(task)
        return task

    stack.callback(forget_starts)
    put(stack, BaseEventLoop, "create_task", create_task)
