"""Who holds which `atomic` block on a connection that all simulated processes share.

In production each process has a connection of its own. On a bench there is one: the test's. So while a task
is inside a transaction, the others wait for its end, as they would for a lock in the database. Nothing waits
for the test: what its own blocks enclose is nested in them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from threading import get_ident
from typing import Any

from coldframe._core.fibers import Fiber, Process
from coldframe._core.scheduler import Scheduler

#: The module whose functions wait for results: a task that stands in one may need others to go on.
WAITS_FOR_RESULTS = "celery.result"


@dataclass(slots=True, eq=False)
class Wait:
    """A fiber that waits for its turn on a connection."""

    process: Process
    fiber: Fiber
    blocker: Callable[[], Process | None]
    leaves: bool
    may_pass: bool = False


class Blocks:
    """The owners of all open blocks, outermost first; None owns the blocks of the test's frame.

    The frame is what isolates the test: the blocks that a `TestCase` opens, and all that were open when the
    bench was opened.

    Args:
        scheduler: Runs the processes that share the connections.
    """

    def __init__(self, scheduler: Scheduler) -> None:
        self.scheduler = scheduler
        self.test = scheduler.main.process
        self.is_open = True
        #: How many blocks of a process that lives on were rolled back under it, by connection and process.
        self.torn: dict[tuple[Any, Process], int] = {}
        self._thread = get_ident()
        self._owners: dict[Any, list[Process | None]] = {}
        self._waits: list[Wait] = []
        scheduler.before_jump.append(self._let_one_pass)

    def on_bench(self) -> bool:
        """Whether the running code is the bench's: a block may outlast it, and other threads are not its business."""
        return self.is_open and get_ident() == self._thread

    @property
    def process(self) -> Process:
        """The process whose code is running."""
        return self.scheduler.current.process

    # --- owners -----------------------------------------------------------------------------------------

    def owners(self, connection: Any) -> list[Process | None]:
        """Who opened each block of a connection, outermost first."""
        known = self._owners.setdefault(connection, [])
        depth = len(connection.atomic_blocks)
        if len(known) != depth:
            del known[depth:]
            known.extend([None] * (depth - len(known)))
        return known

    def connections(self) -> list[Any]:
        """The connections that any block was seen on."""
        return list(self._owners)

    def entered(self, connection: Any) -> None:
        """The running code opened a block."""
        owners = self.owners(connection)
        block = connection.atomic_blocks[-1] if owners else None
        if block is not None and not block._from_testcase:  # noqa: SLF001 - as Django's own check of durability
            owners[-1] = self.process

    def owns(self, connection: Any, process: Process) -> bool:
        """Whether a process is inside a block of its own on a connection."""
        return process in self.owners(connection)

    def in_transaction(self) -> bool:
        """Whether the running code is inside a transaction of its own."""
        process = self.process
        return any(process in self.owners(connection) for connection in self._owners)

    def depths(self, process: Process) -> dict[Any, int]:
        """How many blocks are open on each connection on which a process has one."""
        return {
            connection: len(self.owners(connection))
            for connection in self._owners
            if process in self.owners(connection)
        }

    def sids(self, connection: Any, process: Process) -> set[str | None]:
        """The savepoints that enclose a process: those of the test's frame, and up to its own innermost block."""
        owners = self.owners(connection)
        innermost = len(owners) - owners[::-1].index(process)
        without_savepoint = len(connection.atomic_blocks) - len(connection.savepoint_ids)
        return set(connection.savepoint_ids[: innermost - without_savepoint])

    # --- taking turns -----------------------------------------------------------------------------------

    def wait_for_turn(self, connection: Any) -> None:
        """Wait while a task other than the running one is inside a transaction."""
        process = self.process
        self._wait(process, lambda: self._blocker(connection, process), leaves=False)

    def wait_to_leave(self, connection: Any) -> BaseException | None:
        """Wait until the innermost block is the running process's own; the error that interrupted it."""
        process = self.process
        interrupted: BaseException | None = None
        while True:
            try:
                self._wait(process, lambda: self._above(connection, process), leaves=True)
            except Exception as error:
                interrupted = error
            else:
                return interrupted

    def is_free(self, connection: Any) -> bool:
        """Whether no task other than the running one is inside a transaction."""
        return self._blocker(connection, self.process) is None

    def wake_waiting(self) -> None:
        """A block was left: those that waited for it go on."""
        for wait in list(self._waits):
            if wait.blocker() is None:
                self.scheduler.wake(wait.fiber)

    def _blocker(self, connection: Any, process: Process) -> Process | None:
        owners = self.owners(connection)
        innermost = owners[-1] if owners else None
        return None if innermost is process or innermost is self.test else innermost

    def _above(self, connection: Any, process: Process) -> Process | None:
        owners = self.owners(connection)
        if process not in owners or owners[-1] is process:
            return None
        return owners[-1]

    def _wait(self, process: Process, blocker: Callable[[], Process | None], *, leaves: bool) -> None:
        while blocker() is not None and self.scheduler.can_park:
            wait = Wait(process, self.scheduler.current, blocker, leaves)
            self._waits.append(wait)
            try:
                self.scheduler.park()
            finally:
                self._waits.remove(wait)
            if wait.may_pass:
                return

    def forget(self, process: Process) -> None:
        """A process is dead, or its task has ended: it waits for nothing any more, and has no block to leave."""
        self.torn = {key: count for key, count in self.torn.items() if key[1] is not process}
        self._waits = [wait for wait in self._waits if wait.process is not process]

    def _let_one_pass(self) -> bool:
        """Nobody is ready: if somebody is waited for who cannot go on, the first that waits for him goes on."""
        for wait in self._waits:
            if not (wait.leaves or wait.may_pass) and self._is_in_vain(wait):
                wait.may_pass = True
                self.scheduler.wake(wait.fiber)
                return True
        return False

    def _is_in_vain(self, wait: Wait) -> bool:
        """Whether waiting would never end: they wait for each other, or for the result of each other."""
        seen = {wait.process}
        blocker = wait.blocker()
        while blocker is not None:
            if blocker in seen or _waits_for_result(blocker):
                return True
            seen.add(blocker)
            blocker = next((other.blocker() for other in self._waits if other.process is blocker), None)
        return False


def _waits_for_result(process: Process) -> bool:
    for fiber in process.fibers:
        frame = getattr(fiber.point, "gr_frame", None)
        while frame is not None:
            if frame.f_globals.get("__name__") == WAITS_FOR_RESULTS:
                return True
            frame = frame.f_back
    return False
