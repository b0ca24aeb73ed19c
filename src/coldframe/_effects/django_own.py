"""Django with a connection of its own for each simulated process, as each real process has one.

What a process has not committed is seen by nobody else, and is rolled back when the process dies. Two rules make
SQLite behave as a server at READ COMMITTED would, so that tasks can overlap in one thread without `database is
locked`: a transaction begins with its first write or locking read, and only one process at a time is inside one; the
others wait for its end as they would for a lock.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from coldframe._core.events import Finished, Published, TransactionEnded
from coldframe._core.fibers import Process
from coldframe._effects import django_failures
from coldframe._effects.raw_connections import abandon
from coldframe._effects.sql import KEEPS_BLOCKS, READS, in_words, table_of, table_read, verb
from coldframe._effects.write_lock import NeverFree, path_of
from coldframe.errors import SetupError

if TYPE_CHECKING:
    from coldframe._bench.opening import OpenBench


class Connections:
    """What `django.db.connections` keeps its connections in, for one process."""


class OwnTransactions:
    """Watches statements and transactions of all connections, and gives each process its own.

    Args:
        opened: The bench.
    """

    def __init__(self, opened: OpenBench) -> None:
        from django.db import connections

        self._connections: Any = connections
        self._world = opened.world
        self._scheduler = opened.scheduler
        self._gate = opened.gate
        self._recording = opened.recording
        self._spaces: dict[Process, Connections] = {}
        self._locks = opened.write_locks
        self._numbers = opened.gate.transactions
        #: The numbers of the transactions that are open, by connection.
        self._open: dict[Any, int] = {}
        self._sent: dict[Process, list[int]] = {}
        #: SQLite: the cursors of each raw connection.
        self.cursors: dict[Any, WeakSet[Any]] = {}
        self.is_open = True

    def install(self, stack: ExitStack, opened: OpenBench) -> None:
        """Watch Django until the stack closes."""
        from coldframe._effects.django_own_patches import watch_own

        self._refuse_memory()
        stack.callback(self._close, vars(self._connections)["_connections"])
        opened.scheduler.on_switch.append(self._switched)
        opened.scheduler.before_kill.append(self.end_of)
        opened.recording.listen(Published, self._note_published)
        opened.recording.listen(Finished, self._note_finished)
        opened.in_transaction = self.in_transaction
        self._switched(self._scheduler.current.process)
        watch_own(stack, self)

    def _refuse_memory(self) -> None:
        for alias, settings in self._connections.settings.items():
            name = str(settings["NAME"])
            if settings["ENGINE"].endswith("sqlite3") and ("memory" in name or not name):
                raise SetupError(
                    f"database {alias!r} is in memory ({name}), where processes cannot have connections of their own",
                    hint="leave connections out, or name a file in DATABASES",
                )

    # --- processes --------------------------------------------------------------------------------------

    @property
    def process(self) -> Process:
        """The process whose code is running."""
        return self._scheduler.current.process

    def on_bench(self) -> bool:
        """Whether the running code is the bench's."""
        return self.is_open and self._scheduler.is_own_thread()

    def _switched(self, process: Process) -> None:
        space = self._spaces.get(process)
        if space is None:
            space = self._spaces[process] = Connections()
        self._connections._connections = space  # noqa: SLF001 - where Django keeps one per thread

    def end_of(self, process: Process) -> None:
        """A process is no more: the database rolls back what it did not commit, and closes its connections."""
        for connection in vars(self._spaces.pop(process, Connections())).values():
            self._drop(connection, process)
        self._locks.forget(process)

    def _drop(self, connection: Any, process: Process) -> None:
        raw = connection.connection
        if raw is not None:
            connection.connection = None
            for cursor in self.cursors.pop(raw, ()):
                cursor.close()
            abandon(raw)
        self._ended(connection, process, committed=False)

    def _close(self, connections_before: Any) -> None:
        for process in list(self._spaces):
            self.end_of(process)
        self.is_open = False
        self._connections._connections = connections_before  # noqa: SLF001

    # --- transactions -----------------------------------------------------------------------------------

    def in_transaction(self) -> bool:
        """Whether the running process is inside a transaction."""
        space = self._spaces.get(self.process, Connections())
        return any(connection.in_atomic_block for connection in vars(space).values())

    def begin(self, connection: Any) -> None:
        """The outermost block was entered. On SQLite the transaction begins with its first write."""
        self._open[connection] = next(self._numbers)

    def ensure_begun(self, connection: Any) -> None:
        """SQLite: a write or a locking read is next. Wait until nobody else is inside a transaction, and begin."""
        if connection.vendor != "sqlite":
            return
        self._lock(connection)
        if connection.in_atomic_block and not connection.connection.in_transaction:
            connection.connection.execute("BEGIN IMMEDIATE")

    def end(self, connection: Any, finish: Callable[[], Any], *, commits: bool) -> None:
        """The outermost block is left: commit or roll back."""
        number = self._open.get(connection)
        process = self.process
        if number is None or not self._gate.watches():
            finish()
            self._ended(connection, process, committed=commits)
            return
        effect = "sql.commit" if commits else "sql.rollback"
        failures = django_failures.commit_failures_of(connection) if commits else {}
        with self._gate.passing(effect, connection.alias, transaction=number, failures=failures):
            finish()
            self._ended(connection, process, committed=commits)

    def _ended(self, connection: Any, process: Process, *, committed: bool) -> None:
        self.unlock(connection, process)
        if self._open.pop(connection, None) is not None:
            self._tell_messages(process, committed=committed)

    # --- statements -------------------------------------------------------------------------------------

    def execute(self, connection: Any, sql: Any, run: Callable[[], Any]) -> Any:
        """Run a statement: a write is an effect, and of a read others may come in before."""
        word = verb(sql)
        if word in KEEPS_BLOCKS:
            if word == "SAVEPOINT":
                self.ensure_begun(connection)
            return run()
        if word in READS:
            if self._gate.watches():
                self._gate.reading(f"table {table_read(sql)}")
            return run()
        return self._write(connection, sql, run)

    def _write(self, connection: Any, sql: Any, run: Callable[[], Any]) -> Any:
        if not self._gate.watches():
            return self._locked(connection, sql, run)
        table = table_of(sql)
        with self._gate.passing(
            "sql.write",
            in_words(sql),
            failures=django_failures.failures_of(connection),
            transaction=self._open.get(connection),
            resource=f"table {table}",
        ):
            return self._locked(connection, sql, run)

    def _locked(self, connection: Any, sql: Any, run: Callable[[], Any]) -> Any:
        self.ensure_begun(connection)
        try:
            return run()
        finally:
            if not connection.in_atomic_block:
                self.unlock(connection, self.process)
            for beat in self._world.beats:
                beat.note_write(str(sql), self.process)

    # --- SQLite's write lock ----------------------------------------------------------------------------

    def _lock(self, connection: Any) -> None:
        connection.ensure_connection()
        try:
            self._locks.take(_file_of(connection), self.process)
        except NeverFree as error:
            raise django_failures.SQLITE["locked"]() from error

    def unlock(self, connection: Any, process: Process) -> None:
        """A process is outside its transaction: the first that waits for that goes on."""
        if connection.vendor == "sqlite":
            self._locks.release(_file_of(connection), process)

    # --- messages ---------------------------------------------------------------------------------------

    def _note_published(self, event: Published) -> None:
        if event.in_transaction:
            self._sent.setdefault(self.process, []).append(event.message)

    def _tell_messages(self, process: Process, *, committed: bool) -> None:
        messages = tuple(self._sent.pop(process, ()))
        if messages:
            self._recording.append(TransactionEnded(self._scheduler.now, committed, messages))

    def _note_finished(self, event: Finished) -> None:
        """A task that ends inside a block leaves nothing open: Celery closes its connections."""
        if event.at_process:
            space = vars(self._spaces.get(self.process, Connections()))
            for alias, connection in list(space.items()):
                if connection.in_atomic_block:
                    del space[alias]
                    self._drop(connection, self.process)


def _file_of(connection: Any) -> str:
    return path_of(str(connection.settings_dict["NAME"]))
