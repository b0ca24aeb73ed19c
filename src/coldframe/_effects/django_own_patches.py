"""What is put over Django while each process has connections of its own."""

from __future__ import annotations

from contextlib import ExitStack
from itertools import islice
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from coldframe._effects.sql import READS, verb

if TYPE_CHECKING:
    from coldframe._effects.django_own import OwnTransactions


def watch_own(stack: ExitStack, watch: OwnTransactions) -> None:
    """Let the watch hear of statements, blocks and locking reads until the stack closes."""
    for patch in (_watch_cursors, _watch_statements, _watch_ends, _watch_begins, _watch_locking_reads):
        patch(stack, watch)


def _watch_statements(stack: ExitStack, watch: OwnTransactions) -> None:
    from django.db.backends.utils import CursorWrapper

    execute = CursorWrapper._execute_with_wrappers  # noqa: SLF001 - all statements pass here

    def watched(self: Any, sql: Any, params: Any, many: Any, executor: Any) -> Any:
        if not watch.on_bench():
            return execute(self, sql, params, many, executor)
        return watch.execute(self.db, sql, lambda: run(self, sql, params, many, executor))

    def run(self: Any, sql: Any, params: Any, many: Any, executor: Any) -> Any:
        result = execute(self, sql, params, many, executor)
        if self.db.vendor == "sqlite" and verb(sql) not in READS and self.cursor.description is not None:
            _finish(self.cursor)
        return result

    replace(stack, CursorWrapper, "_execute_with_wrappers", watched)


def _finish(cursor: Any) -> None:
    """SQLite commits `INSERT … RETURNING` when its last row was fetched: fetch them, and hand them out from here."""
    rows = cursor.fetchall()
    left = iter(rows)
    cursor.fetchone = lambda: next(left, None)
    cursor.fetchall = lambda: list(left)
    cursor.fetchmany = lambda size=cursor.arraysize: list(islice(left, size))


def _watch_cursors(stack: ExitStack, watch: OwnTransactions) -> None:
    """A dead process leaves its statements open, and SQLite its connection with them: they must be found."""
    from django.db.backends.sqlite3.base import DatabaseWrapper

    create = DatabaseWrapper.create_cursor

    def watched(self: Any, name: str | None = None) -> Any:
        cursor = create(self, name)
        if watch.on_bench():
            watch.cursors.setdefault(self.connection, WeakSet()).add(cursor)
        return cursor

    replace(stack, DatabaseWrapper, "create_cursor", watched)


def _watch_ends(stack: ExitStack, watch: OwnTransactions) -> None:
    from django.db.backends.base.base import BaseDatabaseWrapper

    commit, rollback = BaseDatabaseWrapper._commit, BaseDatabaseWrapper._rollback  # noqa: SLF001

    def watched_commit(self: Any) -> None:
        if watch.on_bench():
            watch.end(self, lambda: commit(self), commits=True)
        else:
            commit(self)

    def watched_rollback(self: Any) -> None:
        if watch.on_bench():
            watch.end(self, lambda: rollback(self), commits=False)
        else:
            rollback(self)

    replace(stack, BaseDatabaseWrapper, "_commit", watched_commit)
    replace(stack, BaseDatabaseWrapper, "_rollback", watched_rollback)


def _watch_begins(stack: ExitStack, watch: OwnTransactions) -> None:
    from django.db.backends.base.base import BaseDatabaseWrapper
    from django.db.backends.sqlite3.base import DatabaseWrapper

    set_autocommit = BaseDatabaseWrapper.set_autocommit
    start = DatabaseWrapper._start_transaction_under_autocommit  # noqa: SLF001

    def watched_set(self: Any, autocommit: bool, **options: Any) -> None:  # noqa: FBT001 - Django's
        if not autocommit and watch.on_bench() and self.get_autocommit():
            watch.begin(self)
        set_autocommit(self, autocommit, **options)

    def begin_later(self: Any) -> None:
        if not watch.on_bench():
            start(self)

    replace(stack, BaseDatabaseWrapper, "set_autocommit", watched_set)
    replace(stack, DatabaseWrapper, "_start_transaction_under_autocommit", begin_later)


def _watch_locking_reads(stack: ExitStack, watch: OwnTransactions) -> None:
    """SQLite has no `FOR UPDATE`, so Django leaves it out: here it is the write lock."""
    from django.db.models.sql.compiler import SQLCompiler

    execute_sql = SQLCompiler.execute_sql

    def watched(self: Any, *args: Any, **kwargs: Any) -> Any:
        if self.query.select_for_update and self.connection.in_atomic_block and watch.on_bench():
            watch.ensure_begun(self.connection)
        return execute_sql(self, *args, **kwargs)

    replace(stack, SQLCompiler, "execute_sql", watched)


def replace(stack: ExitStack, owner: Any, name: str, value: Any) -> None:
    """Set an attribute until the stack closes."""
    stack.callback(setattr, owner, name, getattr(owner, name))
    setattr(owner, name, value)
