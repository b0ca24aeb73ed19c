"""PostgreSQL: processes that wait for each other's locks do so in one thread.

A statement that waits for a lock would stop the thread in which the one who holds it runs. So while an answer is not
there, the server is asked whether the statement waits for the lock of another process of the bench. If it does, the
fiber parks until that one has released it. Nothing here depends on time: what decides is the state of the locks.
"""

from __future__ import annotations

import select
from collections.abc import Callable, Generator, Hashable
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from coldframe._core.clock import real_monotonic
from coldframe._core.fibers import Process
from coldframe._effects.write_lock import Turn

if TYPE_CHECKING:
    from coldframe._bench.opening import OpenBench

#: How long an answer is waited for before the server is asked what it waits for, in milliseconds: at first, at most.
FIRST_LOOK, LAST_LOOK = 2, 50

#: How long a server may take to let somebody in before the clock goes on, in real seconds.
CONNECTS_WITHIN_S = 5.0

#: How long a backend may take to notice that its client is dead, in real seconds.
NOTICES_WITHIN_S = 5.0

#: Whoever closes a circle is the one that fails: his deadlock is looked for at once.
HURRY = "SET LOCAL deadlock_timeout = '1ms'"

BLOCKED = "SELECT pid, pg_blocking_pids(pid)::text FROM unnest('{%s}'::int[]) AS pid"
ALIVE = "SELECT pid FROM pg_stat_activity WHERE pid = ANY('{%s}'::int[])"


class Backend(Protocol):
    """A connection to PostgreSQL, and the process of the bench that used it last."""

    pid: int
    process: Process

    @property
    def socket(self) -> int:
        """The number of its socket."""

    def is_there(self) -> bool:
        """Whether it is still connected."""

    def is_busy(self) -> bool:
        """Whether it is inside a transaction, or in the middle of a statement."""

    def dies_with_process(self) -> bool:
        """Whether nobody else can use it."""

    def address(self) -> Hashable:
        """The server, and the database there."""

    def ask_beside(self) -> Ask:
        """Open a connection of our own to the same place, and give a way to ask there and one to close it."""

    def shut(self) -> None:
        """Its process is dead: the server sees the connection go."""


#: A question in SQL, and the rows of the answer as text; None closes the connection.
Ask = Callable[[str | None], list[tuple[str, ...]]]


@dataclass(slots=True, eq=False)
class Parked:
    """A statement that waits for the locks of others."""

    backend: Backend
    turn: Turn
    blockers: list[int] = field(default_factory=list)


Steps = Generator[Parked, None, Any]

#: Waits for a message of the server so many milliseconds, and takes it in; raises StopIteration after the last one.
Advance = Callable[[int], bool]


class LockWaits:
    """Knows who waits for whose locks.

    Args:
        stack: Closes what is opened here.
        opened: The bench.
    """

    def __init__(self, stack: ExitStack, opened: OpenBench) -> None:
        self._scheduler = opened.scheduler
        self._backends: dict[int, Backend] = {}
        self._parked: list[Parked] = []
        self._asking: dict[Hashable, Ask] = {}
        #: Backends whose process died: they go on until they notice.
        self._orphans: list[Backend] = []
        self._is_open = True
        self._look_again = False
        self._scheduler.before_kill.insert(0, self._end_of)
        self._scheduler.before_jump.append(self._wake_those_that_can)
        opened.driver.lock_waits.append(self.waits)
        stack.callback(self._close)

    def is_on_bench(self) -> bool:
        """Whether the running code may wait on the scheduler."""
        return self._is_open and self._scheduler.is_own_thread() and self._scheduler.can_park

    @property
    def process(self) -> Process:
        """The process whose code is running."""
        return self._scheduler.current.process

    def use(self, backend: Backend) -> Backend:
        """The running process uses a connection."""
        known = self._backends.get(backend.pid)
        if known is None or not known.is_there():
            known = self._backends[backend.pid] = backend
        known.process = self.process
        return known

    def must_hurry(self, backend: Backend) -> bool:
        """Whether others wait for what the next statement could have to wait for."""
        return any(backend.pid in parked.blockers for parked in self._parked)

    def statement(self, backend: Backend, advance: Advance) -> Steps:
        """Exchange messages with the server until a statement is answered; yields when it has to wait for others."""
        patience = FIRST_LOOK
        try:
            while True:
                if not advance(patience):
                    patience = min(patience * 2, LAST_LOOK)
                    parked = self.waits_for_others(backend)
                    if parked is not None:
                        yield parked
        except StopIteration as end:
            return end.value
        finally:
            self.answered()

    def waits_for_others(self, backend: Backend) -> Parked | None:
        """What a statement waits for, if it is for processes of the bench that can go on."""
        if not any(other is not backend and other.is_there() and other.is_busy() for other in self._backends.values()):
            return None
        graph = self._blockers(backend)
        blockers = self._on_bench(backend.pid, graph)
        if not blockers or self._is_circle(backend.pid, graph):
            return None
        return Parked(backend, Turn(backend.pid, self._scheduler.current), blockers)

    def answered(self) -> None:
        """A statement has been answered, and may have released a lock: those who wait for no other go on."""
        if not (self._parked or self._orphans):
            return
        self._look_again = False
        self._await_orphans()
        for parked in list(self._parked):
            parked.blockers = self._on_bench(parked.backend.pid, self._blockers(parked.backend))
            if not parked.blockers:
                parked.turn.wake()

    # --- waiting ----------------------------------------------------------------------------------------

    def park(self, parked: Parked) -> None:
        """Wait in blocking code."""
        self.add(parked, lambda: self._scheduler.wake(parked.turn.fiber))
        try:
            self._scheduler.park()
        finally:
            self.remove(parked)

    async def come(self, parked: Parked) -> None:
        """Wait in a coroutine."""
        self._parked.append(parked)
        try:
            await parked.turn.come()
        finally:
            self.remove(parked)

    def add(self, parked: Parked, wake: Callable[[], object]) -> None:
        """Somebody waits, and is told when to look again."""
        parked.turn.wake = wake
        self._parked.append(parked)

    def remove(self, parked: Parked) -> None:
        """Somebody waits no more."""
        if parked in self._parked:
            self._parked.remove(parked)

    def waits(self) -> list[tuple[Process, Process]]:
        """The processes that wait, each with one of those it waits for."""
        return [
            (parked.turn.fiber.process, self._backends[pid].process)
            for parked in self._parked
            for pid in parked.blockers[:1]
            if pid in self._backends
        ]

    # --- who goes on ------------------------------------------------------------------------------------

    def _is_circle(self, pid: int, graph: dict[int, list[int]]) -> bool:
        """Whether they wait for each other: the server ends that, soon, so it is waited for."""
        seen: set[int] = set()
        others = list(graph.get(pid, ()))
        while others:
            one = others.pop()
            if one == pid:
                self._wake_those_with_an_answer()
                return True
            if one not in seen:
                seen.add(one)
                others.extend(graph.get(one, ()))
        return False

    def _wake_those_that_can(self) -> bool:
        """Nobody is ready: a lock may have gone with its connection, or the server may have given up a statement."""
        if not self._parked:
            return False
        closed = [pid for pid, backend in self._backends.items() if not backend.is_there()]
        for pid in closed:
            del self._backends[pid]
        before = list(self._parked)
        if closed or self._look_again:
            self.answered()
        self._wake_those_with_an_answer()
        return any(not parked.turn.fiber.parked for parked in before)

    def _wake_those_with_an_answer(self) -> None:
        for parked in list(self._parked):
            if ready(parked.backend.socket, 1, 0):
                parked.turn.wake()

    # --- the server's side ------------------------------------------------------------------------------

    def _ask(self, backend: Backend, question: str, pids: list[int]) -> list[tuple[str, ...]]:
        address = backend.address()
        if address not in self._asking:
            self._asking[address] = backend.ask_beside()
        return self._asking[address](question % ",".join(map(str, pids)))

    def _blockers(self, backend: Backend) -> dict[int, list[int]]:
        """Whom it and all others that wait are waiting for."""
        others = [*(parked.backend for parked in self._parked), *self._orphans]
        pids = [backend.pid, *(other.pid for other in others if other.address() == backend.address())]
        rows = self._ask(backend, BLOCKED, pids)
        return {int(pid): [int(one) for one in blocking.strip("{}").split(",") if one] for pid, blocking in rows}

    def _on_bench(self, pid: int, graph: dict[int, list[int]]) -> list[int]:
        """The connections of the bench that one waits for, also by way of those whose process died."""
        orphans = {orphan.pid for orphan in self._orphans}
        pids = list(graph.get(pid, ()))
        for one in pids:
            if one in orphans:
                pids.extend(other for other in graph.get(one, ()) if other not in pids)
        return [one for one in pids if one in self._backends]

    def _end_of(self, process: Process) -> None:
        """A process is about to die: what it was asking for is asked by nobody any more."""
        self._look_again = True
        waiting = [parked.backend for parked in self._parked if parked.turn.fiber.process is process]
        self._parked = [parked for parked in self._parked if parked.turn.fiber.process is not process]
        used = [backend for backend in self._backends.values() if backend.process is process and backend.is_there()]
        for backend in dict.fromkeys([*waiting, *(backend for backend in used if backend.dies_with_process())]):
            self._ask(backend, ALIVE, [backend.pid])  # from here on it can tell nothing of its server
            backend.shut()
            self._backends.pop(backend.pid, None)
            self._orphans.append(backend)
        self._await_orphans()

    def _await_orphans(self) -> None:
        """Wait until the backends that nobody listens to have gone, or wait for a lock; not for long."""
        until = real_monotonic() + NOTICES_WITHIN_S
        while self._orphans:
            backend = self._orphans[0]
            if not self._ask(backend, ALIVE, [backend.pid]) or real_monotonic() > until:
                self._orphans.remove(backend)
            elif self._blockers(backend)[backend.pid]:
                return

    def _close(self) -> None:
        self._is_open = False
        for ask in self._asking.values():
            ask(None)
        self._backends.clear()
        self._parked.clear()


def ready(socket: int, wants: int, milliseconds: int) -> int:
    """What a socket is ready for, of what is wanted: 1 to be read, 2 to be written."""
    poll = select.poll()
    poll.register(socket, (select.POLLIN if wants & 1 else 0) | (select.POLLOUT if wants & 2 else 0))
    found = poll.poll(milliseconds)
    if not found:
        return 0
    event = found[0][1]
    return ((1 if event & ~select.POLLOUT else 0) | (2 if event & select.POLLOUT else 0)) & wants or wants
