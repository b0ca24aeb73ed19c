"""SQLite under SQLAlchemy behaves as a server at READ COMMITTED would, also when processes overlap in one thread.

A transaction begins with its first write, savepoint or locking read, and only one at a time is open in a file; the
others wait for its end. What a statement reads is fetched at once: a cursor that is not read to its end would keep
the others from committing.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import PurePath
from typing import Any

from coldframe._core.fibers import Process
from coldframe._effects.aiosqlite import in_its_thread
from coldframe._effects.sqlalchemy_failures import locked
from coldframe._effects.sqlalchemy_links import Link
from coldframe._effects.write_lock import NeverFree, Turn, WriteLocks, path_of

#: What the driver begins a transaction for.
DATA = frozenset({"INSERT", "UPDATE", "DELETE", "REPLACE"})

LOCKING_BEGINS = ("BEGIN IMMEDIATE", "BEGIN EXCLUSIVE")


class SqliteSide:
    """What there is to know of a connection of SQLite.

    Args:
        link: The connection.
    """

    __slots__ = ("_run", "begins_later", "key", "name", "raw", "reads_wait")

    def __init__(self, link: Link) -> None:
        self.raw: sqlite3.Connection = link.driver._conn if link.is_async else link.raw  # noqa: SLF001 - aiosqlite's
        self._run: Callable[[Callable[[], Any]], Any] = in_its_thread(link.driver) if link.is_async else _at_once
        #: `BEGIN` was asked for, and is held back until there is something to write.
        self.begins_later = False
        path = self._run(lambda: self.raw.execute("PRAGMA database_list").fetchone())[2]
        self.key: Any = path_of(path) if path else None
        self.name = PurePath(path).name if path else "memory"
        #: Whether readers would see, or stumble over, what others have not committed.
        self.reads_wait = link.is_shared

    def learn(self, url: Any) -> None:
        """What is in memory is known by the address of its engine."""
        if self.key is None:
            is_common = has_common_cache(url)
            self.key = str(url) if is_common else ("memory", id(self.raw))
            self.reads_wait = self.reads_wait or is_common

    def autocommits(self) -> bool:
        """Whether each statement is a transaction of its own."""
        return self.raw.isolation_level is None and not self.begins_later and not self.raw.in_transaction

    def begin(self) -> None:
        """Begin the transaction for good, unless it is."""
        if not self.raw.in_transaction:
            self._run(lambda: self.raw.execute("BEGIN IMMEDIATE"))

    def roll_back(self) -> None:
        """Give up what was written; the connection serves others."""
        self._run(self.raw.rollback)
        self.begins_later = False


class SqliteTurns:
    """Lets the transactions of each SQLite database follow each other.

    Args:
        locks: Of the bench.
        test: The test's process: nobody waits for what it left open on a connection that all share.
        wait: How coroutines wait.
    """

    def __init__(self, locks: WriteLocks, test: Process, wait: Callable[[Turn], object]) -> None:
        self._locks = locks
        self._test = test
        self._wait = wait

    def before_write(self, link: Link, side: SqliteSide, process: Process, word: str) -> None:
        """Wait until nobody else is inside a transaction, and begin one if the driver or the user would."""
        self._take(link, side, process)
        if side.begins_later or (word in DATA and side.raw.isolation_level is not None):
            side.begin()

    def before_savepoint(self, link: Link, side: SqliteSide, process: Process) -> None:
        """A savepoint is always inside a transaction."""
        self._take(link, side, process)
        if not side.autocommits():
            side.begin()

    def before_read(self, link: Link, side: SqliteSide, process: Process, context: Any) -> bool:
        """Wait for the lock that a locking read takes; whether it is one."""
        how = getattr(getattr(getattr(context, "compiled", None), "statement", None), "_for_update_arg", None)
        if how is not None and not side.autocommits():
            if how.nowait and not self._locks.is_free(side.key, self._owner(link, process)):
                raise locked()
            self.before_savepoint(link, side, process)
            return True
        if side.reads_wait and self._must_wait(link, side, process):
            self._take(link, side, process)
            self.free(link, side, process)
        return False

    def after(self, link: Link, side: SqliteSide, process: Process) -> None:
        """A statement has run: a transaction of its own has ended."""
        if not side.raw.in_transaction:
            self.free(link, side, process)

    def begin(self, link: Link, side: SqliteSide, process: Process, statement: str) -> bool:
        """`BEGIN` was asked for; whether it has to be run."""
        if not statement.upper().startswith(LOCKING_BEGINS):
            side.begins_later = True
            return False
        self._take(link, side, process)
        return True

    def ended(self, link: Link, side: SqliteSide, process: Process) -> None:
        """The transaction was committed or rolled back."""
        side.begins_later = False
        self.free(link, side, process)

    def is_others(self, link: Link, side: SqliteSide, process: Process) -> bool:
        """Whether the transaction that is open on a shared connection is another process's."""
        return link.is_shared and not self._locks.is_free(side.key, self._owner(link, process))

    def free(self, link: Link, side: SqliteSide, process: Process) -> None:
        """Let the next one in."""
        self._locks.release(side.key, self._owner(link, process))

    def _take(self, link: Link, side: SqliteSide, process: Process) -> None:
        if link.is_shared:
            self._locks.release(side.key, self._test)
        try:
            self._locks.take(side.key, self._owner(link, process), self._wait if link.is_async else None)
        except NeverFree as error:
            raise locked() from error

    def _must_wait(self, link: Link, side: SqliteSide, process: Process) -> bool:
        """Whether somebody else is inside a transaction; what is the test's is seen, and the test sees all."""
        holder = self._locks.holder(side.key)
        if holder is None or holder.owner == self._owner(link, process):
            return False
        return not link.is_shared or self._test not in (process, holder.owner)

    def _owner(self, link: Link, process: Process) -> Any:
        """Of a connection that all share, each process in turn; else each connection."""
        return process if link.is_shared else id(link.raw)


def has_common_cache(url: Any) -> bool:
    """Whether all connections to a database in memory see the same one."""
    return "cache=shared" in str(url.database) or url.query.get("cache") == "shared"


def is_in_memory(url: Any) -> bool:
    """Whether the database of an engine is in memory."""
    name = url.database or ":memory:"
    return ":memory:" in name or "mode=memory" in name or url.query.get("mode") == "memory"


def fetch_at_once(cursor: Any, statement: str, context: Any) -> None:
    """Read the rows of a statement to the end, and give them to its result."""
    if context is None or context.cursor is not cursor or context.statement != statement:
        return
    if cursor.description is not None:
        from sqlalchemy.engine.cursor import FullyBufferedCursorFetchStrategy

        rows = cursor.fetchall()
        context.cursor_fetch_strategy = FullyBufferedCursorFetchStrategy(cursor, cursor.description, rows)


def _at_once(call: Callable[[], Any]) -> Any:
    return call()
