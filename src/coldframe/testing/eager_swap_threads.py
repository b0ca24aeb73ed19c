"""Other threads of a test: what they send is delivered in the test's own, which alone may drive the bench."""

from __future__ import annotations

import functools
from asyncio.base_events import BaseEventLoop
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import ExitStack
from threading import Thread, get_ident
from typing import Any


class OtherThreads:
    """Has what they sent delivered when the test waits for them, or by its event loop before that goes on.

    Args:
        deliver: Delivers what is owed; called in the thread that made this.
    """

    def __init__(self, deliver: Callable[[], None]) -> None:
        self._deliver = deliver
        self._thread = get_ident()
        self._loops: list[BaseEventLoop] = []

    def owe(self) -> None:
        """Another thread has sent something: if an event loop waits for it, that is told."""
        if self._loops:
            self._loops[-1].call_soon_threadsafe(self._deliver)

    def watch(self, stack: ExitStack) -> None:
        """Watch the places where a test waits for its threads until the stack closes."""
        for owner, name in ((Thread, "join"), (Future, "result")):
            wait = getattr(owner, name)
            stack.callback(setattr, owner, name, wait)
            setattr(owner, name, self._delivering_after(wait))
        run_forever = BaseEventLoop.run_forever

        def run(loop: BaseEventLoop) -> None:
            if get_ident() != self._thread:
                run_forever(loop)
                return
            self._loops.append(loop)
            try:
                run_forever(loop)
            finally:
                self._loops.remove(loop)

        stack.callback(setattr, BaseEventLoop, "run_forever", run_forever)
        BaseEventLoop.run_forever = run  # type: ignore[assignment, method-assign]

    def _delivering_after(self, wait: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(wait)
        def waited(*args: Any, **kwargs: Any) -> Any:
            result = wait(*args, **kwargs)
            if get_ident() == self._thread:
                self._deliver()
            return result

        return waited
