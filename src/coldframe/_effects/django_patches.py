"""What is put over Django while a bench is open: blocks, statements, callbacks, and the closing of connections."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from coldframe._effects.django import Transactions


def watch_django(stack: ExitStack, watch: Transactions) -> None:
    """Let the watch hear of all that matters to it until the stack closes."""
    for patch in (_watch_blocks, _watch_callbacks, _watch_captures, _watch_statements, _watch_locks, _keep_open):
        patch(stack, watch)


def _watch_blocks(stack: ExitStack, watch: Transactions) -> None:
    from django.db import transaction

    enter, leave = transaction.Atomic.__enter__, transaction.Atomic.__exit__
    mark = transaction.mark_for_rollback_on_error

    def watched_enter(self: Any) -> None:
        if watch.blocks.on_bench():
            watch.enter(self)
        else:
            enter(self)

    def watched_leave(self: Any, *exc_info: Any) -> Any:
        return watch.leave(self, *exc_info) if watch.blocks.on_bench() else leave(self, *exc_info)

    @contextmanager
    def mark_own(using: Any = None) -> Iterator[None]:
        if watch.blocks.on_bench() and watch.is_alone(connection_of(using)):
            yield
            return
        with mark(using):
            yield

    _replace(stack, transaction.Atomic, "__enter__", watched_enter)
    _replace(stack, transaction.Atomic, "__exit__", watched_leave)
    _replace(stack, transaction, "mark_for_rollback_on_error", mark_own)


def _watch_callbacks(stack: ExitStack, watch: Transactions) -> None:
    from django.db.backends.base.base import BaseDatabaseWrapper

    on_commit, run_hooks = BaseDatabaseWrapper.on_commit, BaseDatabaseWrapper.run_and_clear_commit_hooks

    def watched_on_commit(self: Any, func: Any, robust: bool = False) -> None:  # noqa: FBT001, FBT002 - Django's
        if watch.blocks.on_bench() and self.in_atomic_block and callable(func):
            watch.callbacks.register(self, func, robust=robust)
        else:
            on_commit(self, func, robust)

    def watched_hooks(self: Any) -> None:
        if watch.blocks.on_bench():
            watch.committed(watch.blocks.process)
        run_hooks(self)

    _replace(stack, BaseDatabaseWrapper, "on_commit", watched_on_commit)
    _replace(stack, BaseDatabaseWrapper, "run_and_clear_commit_hooks", watched_hooks)


def _watch_captures(stack: ExitStack, watch: Transactions) -> None:
    """The generator inside `captureOnCommitCallbacks`: pytest-django hands the method out before a bench opens."""
    if "django.test.testcases" not in sys.modules:
        return
    from django.db import DEFAULT_DB_ALIAS
    from django.test import TestCase

    method = vars(TestCase)["captureOnCommitCallbacks"].__func__
    cell = method.__closure__[method.__code__.co_freevars.index("func")]
    capture = cell.cell_contents

    def watched_capture(cls: Any, *, using: str = DEFAULT_DB_ALIAS, execute: bool = False) -> Iterator[Any]:
        connection = connection_of(using)
        if watch.blocks.on_bench() and connection.in_atomic_block:
            return watch.callbacks.capture(connection, execute=execute)
        return iter(capture(cls, using=using, execute=execute))

    stack.callback(setattr, cell, "cell_contents", capture)
    cell.cell_contents = watched_capture


def _watch_statements(stack: ExitStack, watch: Transactions) -> None:
    from django.db.backends.utils import CursorWrapper

    execute = CursorWrapper._execute_with_wrappers  # noqa: SLF001 - all statements pass here

    def watched_execute(self: Any, sql: Any, params: Any, many: Any, executor: Any) -> Any:
        if not watch.blocks.on_bench():
            return execute(self, sql, params, many, executor)
        return watch.execute(self.db, sql, lambda: execute(self, sql, params, many, executor))

    _replace(stack, CursorWrapper, "_execute_with_wrappers", watched_execute)


def _watch_locks(stack: ExitStack, watch: Transactions) -> None:
    """Django refuses a lock outside a transaction, but takes the frame of the test for one."""
    from django.db.models.sql.compiler import SQLCompiler
    from django.db.transaction import TransactionManagementError

    as_sql = SQLCompiler.as_sql

    def watched_sql(self: Any, *args: Any, **kwargs: Any) -> Any:
        locks = self.query.select_for_update and self.connection.features.has_select_for_update
        if locks and watch.blocks.on_bench() and watch.is_alone(self.connection):
            raise TransactionManagementError("select_for_update() in a task needs an atomic block of that task")
        return as_sql(self, *args, **kwargs)

    _replace(stack, SQLCompiler, "as_sql", watched_sql)


def _keep_open(stack: ExitStack, watch: Transactions) -> None:
    """Each process may close its connection; here that would be everybody's."""
    from django.db.backends.base.base import BaseDatabaseWrapper

    close = BaseDatabaseWrapper.close

    def watched_close(self: Any) -> None:
        if not watch.blocks.on_bench() or watch.blocks.process is watch.blocks.test:
            close(self)

    _replace(stack, BaseDatabaseWrapper, "close", watched_close)


def _replace(stack: ExitStack, owner: Any, name: str, value: Any) -> None:
    stack.callback(setattr, owner, name, getattr(owner, name))
    setattr(owner, name, value)


def connection_of(using: Any) -> Any:
    """The running thread's connection to a database."""
    from django.db.transaction import get_connection

    return get_connection(using)
