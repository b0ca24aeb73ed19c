"""What SQLAlchemy has its drivers do, on its way through the gate."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from contextlib import suppress
from traceback import walk_tb
from typing import TYPE_CHECKING, Any

from coldframe._core.events import Finished, Published, TransactionEnded
from coldframe._core.fibers import Process
from coldframe._core.plain import to_json
from coldframe._effects.raw_connections import abandon, cut
from coldframe._effects.sql import KEEPS_BLOCKS, READS, in_words, table_of, table_read, verb
from coldframe._effects.sqlalchemy_failures import commit_failures_of, failures_of
from coldframe._effects.sqlalchemy_links import Link, Links, Transaction
from coldframe._effects.sqlalchemy_sqlite import SqliteTurns, fetch_at_once

if TYPE_CHECKING:
    from coldframe._bench.opening import OpenBench

Run = Callable[[], Any]


class Watch:
    """Watches the statements and transactions of all connections that pools hand out on the bench.

    Args:
        opened: The bench.
    """

    def __init__(self, opened: OpenBench) -> None:
        self.links = Links()
        self.is_open = True
        self._world = opened.world
        self._gate = opened.gate
        self._scheduler = opened.scheduler
        self._recording = opened.recording
        self.turns = SqliteTurns(opened.write_locks, opened.scheduler.main.process, _await)
        self._was_in_transaction = opened.in_transaction
        opened.in_transaction = self.in_transaction
        opened.recording.listen(Published, self._note_published)
        opened.recording.listen(Finished, lambda event: let_go(event.exception))

    @property
    def process(self) -> Process:
        """The process whose code is running."""
        return self._scheduler.current.process

    def link_of(self, connection: Any) -> Link | None:
        """What is known of a connection; None if it is none of the bench's business."""
        if not self.is_open or connection is None or not self._scheduler.is_own_thread():
            return None
        return self.links.of(connection)

    def link_of_context(self, context: Any) -> Link | None:
        """The same for a statement that is being run."""
        root: Any = getattr(context, "root_connection", None)
        link = self.link_of(root.connection) if root is not None else None
        if link is None and self._is_from_before(root):
            link = self.links.add(Link.of_test(root.connection, self._scheduler.main.process))
        if link is not None and link.sqlite is not None:
            link.sqlite.learn(root.engine.url)
        return link

    def _is_from_before(self, root: Any) -> bool:
        """Whether a connection was taken out of its pool before the bench was opened."""
        is_watched = self.is_open and root is not None and self._scheduler.is_own_thread()
        return is_watched and getattr(root.connection, "_pool", None) is not None

    def note_session(self, session: Any, connection: Any) -> None:
        """A session begins to use a connection."""
        link = self.link_of(connection)
        if link is not None:
            link.session = weakref.ref(session)

    # --- statements -------------------------------------------------------------------------------------

    def statement(self, link: Link, cursor: Any, statement: str, parameters: Any, context: Any, run: Run) -> None:
        """Run a statement: a write is an effect, and of a read others may come in before."""
        word = verb(statement)
        if word in KEEPS_BLOCKS:
            self._keep(link, word, statement, run)
        elif word in READS:
            self._read(link, cursor, statement, context, run)
        else:
            self._write(link, cursor, statement, parameters, word, run)

    def _keep(self, link: Link, word: str, statement: str, run: Run) -> None:
        """A statement that begins or ends a transaction, or sets a savepoint, as text."""
        side = link.sqlite
        if word in ("COMMIT", "END") or (word == "ROLLBACK" and " TO " not in statement.upper()):
            if side is None or side.raw.in_transaction or not side.begins_later:
                self.end(link, run, commits=word != "ROLLBACK")
            else:
                self._ended(link, committed=word != "ROLLBACK")
            return
        if side is not None and word == "SAVEPOINT":
            self.turns.before_savepoint(link, side, self.process)
        if side is not None and word == "BEGIN":
            if not self.turns.begin(link, side, self.process, statement):
                return
            self._begin(link)
        run()

    def _read(self, link: Link, cursor: Any, statement: str, context: Any, run: Run) -> None:
        table = table_read(statement)
        if table and self._gate.watches():
            self._gate.reading(f"table {table}")
        side = link.sqlite
        if side is None:
            run()
            return
        if self.turns.before_read(link, side, self.process, context):
            self._begin(link)
        run()
        if not link.is_async:
            fetch_at_once(cursor, statement, context)

    def _write(self, link: Link, cursor: Any, statement: str, parameters: Any, word: str, run: Run) -> None:
        if link.sqlite is not None and link.is_shared:  # it must be known whose transaction this is
            self.turns.before_write(link, link.sqlite, self.process, word)
        if not link.autocommits():
            self._begin(link)
        if not self._gate.watches():
            self._write_now(link, statement, word, run)
            return
        number = link.transaction.number if link.transaction is not None else None
        table = table_of(statement)
        passing = self._gate.passing(
            "sql.write",
            in_words(statement),
            details={"sql": statement, "parameters": to_json(parameters), "database": link.name},
            failures=failures_of(link),
            transaction=number,
            resource=f"table {table}" if table else "",
        )
        try:
            with passing as touch:
                self._write_now(link, statement, word, run)
                touch.details["rows"] = cursor.rowcount
        except BaseException as error:
            self._lose(link, error)
            raise

    def _write_now(self, link: Link, statement: str, word: str, run: Run) -> None:
        process, side = self.process, link.sqlite
        if side is not None:
            self.turns.before_write(link, side, process, word)
        try:
            run()
        finally:
            if side is not None:
                self.turns.after(link, side, process)
            for beat in self._world.beats:
                beat.note_write(statement, process)

    # --- transactions -----------------------------------------------------------------------------------

    def _begin(self, link: Link) -> None:
        """A transaction that was only there for reading writes now, or locks."""
        if link.is_frame:
            return
        link.begun_by = self.process
        if link.transaction is None:
            link.transaction = Transaction(next(self._gate.transactions))

    def end(self, link: Link, run: Run, *, commits: bool) -> None:
        """Commit or roll back; an effect if there is something to."""
        side = link.sqlite
        if side is not None and self.turns.is_others(link, side, self.process):
            return
        if link.transaction is None or not self._gate.watches():
            run()
            self._ended(link, committed=commits)
            return
        try:
            with self._gate.passing(
                "sql.commit" if commits else "sql.rollback",
                link.name,
                transaction=link.transaction.number,
                failures=commit_failures_of(link) if commits else {},
            ):
                run()
                self._ended(link, committed=commits)
        except BaseException as error:
            self._lose(link, error)
            raise

    def _ended(self, link: Link, *, committed: bool) -> None:
        transaction, link.transaction = link.transaction, None
        if link.sqlite is not None:
            self.turns.ended(link, link.sqlite, self.process if link.begun_by is None else link.begun_by)
        link.begun_by = None
        if transaction is not None and transaction.messages:
            messages = tuple(transaction.messages)
            self._recording.append(TransactionEnded(self._scheduler.now, committed, messages))

    def _lose(self, link: Link, error: BaseException) -> None:
        """If an error says that the connection was lost, it is."""
        if any(error is loss for loss in link.losses):
            link.losses.clear()
            cut(link.driver)

    def forget(self, link: Link) -> None:
        """A connection is closed: the database rolls back what was not committed."""
        self.links.remove(link.raw)
        self._ended(link, committed=False)

    def abandon(self, link: Link, process: Process) -> None:
        """The process that uses a connection is dead: nothing of it is committed, and the pool has its place back."""
        link.losses.clear()
        if link.is_shared:
            if link.begun_by is process and link.sqlite is not None:
                link.sqlite.roll_back()
                self._ended(link, committed=False)
            return
        abandon(link.driver)
        self.forget(link)

    # --- messages ---------------------------------------------------------------------------------------

    def in_transaction(self) -> bool:
        """Whether the running code is inside a transaction that has something to commit, or will have."""
        return self._was_in_transaction() or self._innermost() is not None

    def _innermost(self) -> Link | None:
        process = self.process
        begun = [link for link in self.links if link.transaction is not None and link.begun_by is process]
        if begun:
            return max(begun, key=lambda link: link.transaction.number if link.transaction else 0)
        unused = (link for link in self.links.of_process(process) if link.in_use and link.begun_by is None)
        return next((link for link in unused if link.has_unwritten()), None)

    def _note_published(self, event: Published) -> None:
        link = self._innermost() if event.in_transaction else None
        if link is not None:
            self._begin(link)
            if link.transaction is not None:
                link.transaction.messages.append(event.message)


def let_go(error: BaseException | None) -> None:
    """The trace keeps the error of a task, whose frames would keep the sessions that the task did not close."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        for frame, _line in walk_tb(error.__traceback__):
            with suppress(RuntimeError):  # it still runs
                frame.clear()
                _ = frame.f_locals  # before Python 3.13 a copy of its variables, which is made anew when it is read
        error = error.__cause__ or error.__context__


def _await(turn: Any) -> None:
    from sqlalchemy.util import concurrency

    wait = getattr(concurrency, "await_", None) or concurrency.await_only
    wait(turn.come())
