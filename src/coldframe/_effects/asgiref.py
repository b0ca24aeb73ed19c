"""asgiref on a bench: `async_to_sync` and `sync_to_async` stay in the one thread that there is.

In life the first starts an event loop in another thread, and the second runs blocking code in one. Both threads would
be out of the bench's sight: there is no virtual time in them, and what they do belongs to no task.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from contextvars import Context, copy_context
from functools import wraps
from types import ModuleType
from typing import TYPE_CHECKING, Any

from coldframe._core.running_loop import take_running_loop
from coldframe._effects.families import put
from coldframe._effects.imports import when_imported

if TYPE_CHECKING:
    from coldframe._bench.opening import OpenBench


def join_in(stack: ExitStack, opened: OpenBench) -> None:
    """Keep the tasks' calls in their thread until the stack closes."""

    def in_task() -> bool:
        return opened.scheduler.is_own_thread() and opened.world.attempt() is not None

    def patch(module: ModuleType) -> None:
        to_sync, to_async = module.AsyncToSync, module.SyncToAsync
        put(stack, to_sync, "__call__", _to_sync(to_sync.__call__, in_task))
        put(stack, to_async, "__call__", _to_async(to_async.__call__, in_task))

    when_imported(stack, "asgiref.sync", patch)


def _to_sync(original: Callable[..., Any], in_task: Callable[[], bool]) -> Callable[..., Any]:
    @wraps(original)
    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        if not in_task() or _is_in_loop():
            return original(self, *args, **kwargs)
        context = copy_context()
        with asyncio.Runner() as runner:
            try:
                return runner.run(_awaited(self.awaitable, args, kwargs), context=context)
            finally:
                _take_over(context)

    return call


def _to_async(original: Callable[..., Any], in_task: Callable[[], bool]) -> Callable[..., Any]:
    @wraps(original)
    async def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        if not in_task() or getattr(self, "_executor", None) is not None:
            return await original(self, *args, **kwargs)
        # Blocking code asks whether a loop runs in its thread, and Django refuses its database if one does.
        loop = take_running_loop()
        try:
            return self.func(*args, **kwargs)
        finally:
            if loop is not None:
                loop.put_back()

    return call


async def _awaited(function: Callable[..., Awaitable[Any]], args: Any, kwargs: Any) -> Any:
    return await function(*args, **kwargs)


def _is_in_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _take_over(context: Context) -> None:
    """What the coroutine set in its context holds for its caller, too."""
    missing = object()
    for variable, value in context.items():
        if variable.get(missing) is not value:
            variable.set(value)
