"""Django on a bench: the test's own connection stays open, and transactions mean what they mean in production.

In a `TestCase` everything runs inside a transaction of the test, so nothing ever commits. What the code under
test sees as the end of its outermost `atomic` block is known, though: there its `on_commit` callbacks run.
A process that dies has its open transaction rolled back.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, nullcontext
from typing import TYPE_CHECKING, Any

from coldframe._core.events import Finished
from coldframe._core.fibers import Process
from coldframe._effects import django_failures
from coldframe._effects.django_blocks import Blocks
from coldframe._effects.django_commits import Callbacks, Messages
from coldframe._effects.django_patches import connection_of, watch_django
from coldframe._effects.sql import KEEPS_BLOCKS, READS, in_words, table_of, table_read, verb

if TYPE_CHECKING:
    from coldframe._bench.opening import OpenBench


class TransactionLost(Exception):
    """The process that was inside the transaction is no more."""


def join_in(stack: ExitStack, opened: OpenBench, *, own_connections: bool) -> None:
    """Let Django take part until the stack closes; without Django there is nothing to do."""
    if "django" not in sys.modules:
        return
    from django.conf import settings

    if not settings.configured and "DJANGO_SETTINGS_MODULE" not in os.environ:
        return
    from coldframe._celery.patches import patch_django_fixup

    patch_django_fixup(stack)
    if own_connections:
        from coldframe._effects.django_own import OwnTransactions

        OwnTransactions(opened).install(stack, opened)
    else:
        Transactions(opened).install(stack)


class Transactions:
    """Watches `atomic` blocks, statements and callbacks on all connections of the bench's thread.

    Args:
        opened: The bench; its published messages are told which transaction they belong to.
    """

    def __init__(self, opened: OpenBench) -> None:
        from django.db.transaction import Atomic

        self.blocks = Blocks(opened.scheduler)
        self.callbacks = Callbacks(self.blocks)
        self.messages = Messages(self.blocks, opened.recording)
        self._gate = opened.gate
        self._beats = opened.world.beats
        self._numbers = opened.gate.transactions
        #: The number of the transaction that a process is inside of on a connection.
        self._open: dict[tuple[Any, Process], int] = {}
        self._enter, self._leave = Atomic.__enter__, Atomic.__exit__
        self._look_at_open_connections()
        opened.in_transaction = self.blocks.in_transaction
        opened.scheduler.before_kill.append(self.abandon)
        opened.recording.listen(Finished, self._note_finished)

    def install(self, stack: ExitStack) -> None:
        """Put the watch over Django until the stack closes."""
        stack.callback(self._abandon_all)
        watch_django(stack, self)

    def _look_at_open_connections(self) -> None:
        from django.db import connections

        for connection in connections.all(initialized_only=True):
            self.blocks.owners(connection)

    # --- blocks -----------------------------------------------------------------------------------------

    def enter(self, block: Any) -> None:
        """Enter a block, in turn.

        In production the outermost block of a process is a transaction of its own: it can always be rolled
        back, and is durable.
        """
        connection = connection_of(block.using)
        process = self.blocks.process
        self._refuse_torn(connection, process)
        self.blocks.wait_for_turn(connection)
        savepoint, durable = block.savepoint, block.durable
        if connection.atomic_blocks and not self.blocks.owns(connection, process):
            block.savepoint = True
            block.durable = durable and process is self.blocks.test
        try:
            self._enter(block)
        finally:
            block.savepoint, block.durable = savepoint, durable
        self.blocks.entered(connection)
        if self.blocks.owns(connection, process) and (connection, process) not in self._open:
            self._open[connection, process] = next(self._numbers)

    def leave(self, block: Any, *exc_info: Any) -> None:
        """Leave a block; if it is the outermost of its process, that is the process's commit or rollback."""
        connection = connection_of(block.using)
        process = self.blocks.process
        if self.blocks.torn.get((connection, process)):
            if exc_info[0] is None:
                self._refuse_torn(connection, process)
            self.blocks.torn[connection, process] -= 1
            return
        interrupted = self._wait_to_leave(connection, process, failed=exc_info[0] is not None)
        if interrupted is not None:
            exc_info = (type(interrupted), interrupted, interrupted.__traceback__)
        self._leave_now(block, connection, process, exc_info)
        if interrupted is not None:
            raise interrupted

    def _wait_to_leave(self, connection: Any, process: Process, *, failed: bool) -> BaseException | None:
        is_frame = not self.blocks.owns(connection, process)
        if process is self.blocks.test and (failed or is_frame):
            # What tasks did inside this block goes with it: they must not hold the end of the test up.
            needs_rollback = connection.needs_rollback
            self._roll_back_tasks(connection)
            connection.needs_rollback = needs_rollback
            return None
        return self.blocks.wait_to_leave(connection)

    def _leave_now(self, block: Any, connection: Any, process: Process, exc_info: tuple[Any, ...]) -> None:
        rolls_back = exc_info[0] is not None or connection.needs_rollback or connection.closed_in_transaction
        left = False
        try:
            with self._ending(connection, process, commits=not rolls_back):
                self._leave(block, *exc_info)
                left = True
        except BaseException as error:
            if not left and block in connection.atomic_blocks:  # it was broken on purpose before it was left
                self._leave(block, type(error), error, error.__traceback__)
            rolls_back = rolls_back or not left
            raise
        finally:
            self._left(connection, process, rolled_back=rolls_back and not _is_left_to_outer_block(connection))
        if not rolls_back and not self.blocks.owns(connection, process):
            self.callbacks.committed(connection, process)

    def _ending(self, connection: Any, process: Process, *, commits: bool) -> AbstractContextManager[Any]:
        """The way out of the outermost block of a process: there its transaction ends, which is an effect."""
        number = self._open.get((connection, process))
        is_outermost = self.blocks.owners(connection).count(process) == 1
        if number is None or not is_outermost or not self._gate.watches():
            return nullcontext()
        failures = django_failures.commit_failures_of(connection) if commits else {}
        effect = "sql.commit" if commits else "sql.rollback"
        return self._gate.passing(effect, connection.alias, transaction=number, failures=failures)

    def _left(self, connection: Any, process: Process, *, rolled_back: bool) -> None:
        is_outermost = not self.blocks.owns(connection, process)
        if rolled_back:
            self.messages.rolled_back(connection, process, len(self.blocks.owners(connection)))
            for beat in self._beats:
                beat.note_rollback()
            if is_outermost:
                self.callbacks.rolled_back(connection, process)
        if is_outermost:
            self._open.pop((connection, process), None)
            self.committed(process)
        self.blocks.wake_waiting()

    def committed(self, process: Process) -> None:
        """What a process sent inside transactions is told, once it is inside none."""
        if not self.blocks.depths(process):
            self.messages.committed(process)

    # --- processes that end -----------------------------------------------------------------------------

    def abandon(self, process: Process) -> None:
        """Roll back what a process has not committed: it is dead, or its task left a block open."""
        for connection in self.blocks.connections():
            self._roll_back(connection, process)
            self.callbacks.rolled_back(connection, process)
            self._open.pop((connection, process), None)
        self.messages.committed(process)  # what is left was sent in a transaction that had been committed
        self.blocks.forget(process)
        self.blocks.wake_waiting()

    def _roll_back(self, connection: Any, process: Process) -> None:
        owners = self.blocks.owners(connection)
        if process not in owners:
            return
        depth = owners.index(process)
        lost = [owner for owner in owners[depth:] if owner is not None]
        while len(connection.atomic_blocks) > depth:
            self._leave(connection.atomic_blocks[-1], TransactionLost, TransactionLost(), None)
        for owner in dict.fromkeys(lost):
            self._left(connection, owner, rolled_back=True)
            self.blocks.torn[connection, owner] = lost.count(owner)

    def _refuse_torn(self, connection: Any, process: Process) -> None:
        if self.blocks.torn.get((connection, process)):
            from django.db.transaction import TransactionManagementError

            raise TransactionManagementError(
                "the block of the test that this task runs in failed and was rolled back, and the task's block with it"
            )

    def _roll_back_tasks(self, connection: Any) -> None:
        for process in list(dict.fromkeys(self.blocks.owners(connection))):
            if process is not None and process is not self.blocks.test:
                self._roll_back(connection, process)

    def _abandon_all(self) -> None:
        """The bench closes: tasks that are still inside a transaction never come to its end."""
        for connection in self.blocks.connections():
            self._roll_back_tasks(connection)
        self.blocks.is_open = False

    def _note_finished(self, event: Finished) -> None:
        if event.at_process and self.blocks.process is not self.blocks.test:
            self.abandon(self.blocks.process)

    # --- statements -------------------------------------------------------------------------------------

    def execute(self, connection: Any, sql: Any, run: Callable[[], Any]) -> Any:
        """Run a statement, in turn; beat is told if its tables were written to.

        The test may read at any time what a task has not yet committed. Beat never waits: a late beat would
        be worse than one that looks too early.
        """
        word = verb(sql)
        if word in KEEPS_BLOCKS:
            return run()
        is_read = word in READS
        process = self.blocks.process
        self._refuse_torn(connection, process)
        if not self._is_beat(process) and not (is_read and process is self.blocks.test):
            self.blocks.wait_for_turn(connection)
        if is_read:
            if self._gate.watches():
                self._gate.reading(f"table {table_read(sql)}")
            return run()
        result = self._touch(connection, sql, run)
        for beat in self._beats:
            beat.note_write(str(sql), process)
        return result

    def _touch(self, connection: Any, sql: Any, run: Callable[[], Any]) -> Any:
        if not self._gate.watches():
            return self._write(connection, run)
        with self._gate.passing(
            "sql.write",
            in_words(sql),
            failures=django_failures.failures_of(connection),
            transaction=self._open.get((connection, self.blocks.process)),
            resource=f"table {table_of(sql)}",
        ):
            return self._write(connection, run)

    def _is_beat(self, process: Process) -> bool:
        return any(beat.process is process for beat in self._beats)

    def _write(self, connection: Any, run: Callable[[], Any]) -> Any:
        """PostgreSQL gives a transaction up at the first error: a statement that fails alone must not take others."""
        if connection.vendor != "postgresql" or connection.needs_rollback or not self.is_alone(connection):
            return run()
        savepoint = connection.savepoint()
        try:
            result = run()
        except Exception:
            connection.savepoint_rollback(savepoint)
            raise
        connection.savepoint_commit(savepoint)
        return result

    def is_alone(self, connection: Any) -> bool:
        """Whether a statement of the running task would be a transaction of its own in production."""
        process = self.blocks.process
        return (
            process is not self.blocks.test
            and bool(connection.atomic_blocks)
            and not self.blocks.owns(connection, process)
        )


def _is_left_to_outer_block(connection: Any) -> bool:
    """Whether a block without a savepoint was left, so that the block around it is rolled back instead."""
    return bool(connection.in_atomic_block and connection.needs_rollback)
