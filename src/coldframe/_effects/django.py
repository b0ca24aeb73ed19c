"""Django on a bench: the test's own connection stays open, and commits mean what they mean in production.

In a `TestCase` everything runs inside a transaction of the test, so nothing ever commits. What the code under
test sees as the end of its outermost `atomic` block is known, though: there its `on_commit` callbacks run.
"""

from __future__ import annotations

import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from coldframe._core.events import Published, TransactionEnded

if TYPE_CHECKING:
    from coldframe._bench.opening import OpenBench


def join_in(stack: ExitStack, opened: OpenBench) -> None:
    """Let Django take part until the stack closes; without Django there is nothing to do."""
    if "django" not in sys.modules:
        return
    from django.conf import settings

    if not settings.configured or not settings.DATABASES:
        return
    from coldframe._celery.patches import patch_django_fixup

    patch_django_fixup(stack)
    Transactions(opened).install(stack)


class Transactions:
    """Watches `atomic` blocks above those that were open when the bench was opened.

    Args:
        opened: The bench; its published messages are told which transaction they belong to.
    """

    def __init__(self, opened: OpenBench) -> None:
        from django.db import connections

        self._scheduler = opened.scheduler
        self._recording = opened.recording
        self._baseline = {
            connection.alias: _depth(connection) for connection in connections.all(initialized_only=True)
        }
        self._published: list[int] = []
        opened.in_transaction = self.is_open
        opened.recording.listen(Published, self._note_published)

    def install(self, stack: ExitStack) -> None:
        """Put the watch over Django's `Atomic` and `on_commit`."""
        from django.db.backends.base.base import BaseDatabaseWrapper
        from django.db.transaction import Atomic

        leave, on_commit = Atomic.__exit__, BaseDatabaseWrapper.on_commit
        watch = self

        def watched_exit(self: Any, *exc_info: Any) -> Any:
            from django.db import transaction

            connection = transaction.get_connection(self.using)
            try:
                return leave(self, *exc_info)
            finally:
                watch.left_block(connection, committed=exc_info[0] is None)

        def watched_on_commit(self: Any, func: Any, robust: bool = False) -> Any:  # noqa: FBT001, FBT002 - Django's
            on_commit(self, func, robust)
            if watch.is_outermost(self):
                watch.run_callbacks(self)

        Atomic.__exit__ = watched_exit
        stack.callback(setattr, Atomic, "__exit__", leave)
        BaseDatabaseWrapper.on_commit = watched_on_commit
        stack.callback(setattr, BaseDatabaseWrapper, "on_commit", on_commit)

    def is_open(self) -> bool:
        """Whether the code under test is inside a transaction of its own."""
        from django.db import connections

        return any(
            _depth(connection) > self._baseline.get(connection.alias, 0)
            for connection in connections.all(initialized_only=True)
        )

    def is_outermost(self, connection: Any) -> bool:
        """Whether a connection stands where it stood when the bench was opened, inside the test's transaction."""
        baseline = self._baseline.get(connection.alias, 0)
        return baseline > 0 and connection.in_atomic_block and _depth(connection) == baseline

    def left_block(self, connection: Any, *, committed: bool) -> None:
        """The code under test left a block: if it was its outermost one, that was its commit or rollback."""
        if _depth(connection) > self._baseline.get(connection.alias, 0):
            return
        committed = committed and not connection.needs_rollback
        if self._published:
            ended = TransactionEnded(self._scheduler.now, committed, tuple(self._published))
            self._published.clear()
            self._recording.append(ended)
        if self.is_outermost(connection) and not connection.needs_rollback:
            self.run_callbacks(connection)

    def run_callbacks(self, connection: Any) -> None:
        """Run what waits for the commit, in order, as Django does after a real one."""
        waiting, connection.run_on_commit = connection.run_on_commit, []
        for entry in waiting:
            callback, is_robust = entry[1], len(entry) > 2 and entry[2]
            try:
                callback()
            except Exception:
                if not is_robust:
                    raise

    def _note_published(self, event: Published) -> None:
        if event.in_transaction:
            self._published.append(event.message)


def _depth(connection: Any) -> int:
    """How many `atomic` blocks are open on a connection."""
    if not connection.in_atomic_block:
        return 0
    return 1 + len(connection.savepoint_ids)
