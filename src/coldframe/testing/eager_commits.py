"""`on_commit` callbacks that know whether they ran: in the transaction of a test, mostly they never do."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from typing import Any


class WatchedCallback:
    """An `on_commit` callback that knows whether it ran; for everybody else it is the callback itself."""

    def __init__(self, callback: Any) -> None:
        self._callback = callback
        self.ran = False

    def __call__(self) -> Any:
        """Run it."""
        self.ran = True
        return self._callback()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._callback, name)

    def __eq__(self, other: object) -> bool:
        return self is other or bool(self._callback == other)

    def __hash__(self) -> int:
        return hash(self._callback)


def watch_commits(stack: ExitStack, callbacks: list[WatchedCallback]) -> None:
    """Fill the list with all callbacks that wait for a commit, until the stack closes."""
    if "django.db" not in sys.modules:
        return
    from django.db.backends.base.base import BaseDatabaseWrapper

    on_commit = BaseDatabaseWrapper.on_commit

    def watched(self: Any, func: Any, robust: bool = False) -> None:  # noqa: FBT001, FBT002 - Django's
        if self.in_atomic_block and callable(func):
            func = WatchedCallback(func)
            callbacks.append(func)
        on_commit(self, func, robust)

    stack.callback(setattr, BaseDatabaseWrapper, "on_commit", on_commit)
    BaseDatabaseWrapper.on_commit = watched


def waiting_callbacks(callbacks: list[WatchedCallback]) -> list[WatchedCallback]:
    """Those of the callbacks that still wait for a commit."""
    if not callbacks:
        return []
    from django.db import connections

    entries = [entry for connection in connections.all(initialized_only=True) for entry in connection.run_on_commit]
    waiting = {id(entry[1]) for entry in entries}
    return [callback for callback in callbacks if id(callback) in waiting]
