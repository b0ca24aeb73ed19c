"""psycopg, blocking and below asyncio: its exchange of messages with the server is driven by the bench."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable
from contextlib import ExitStack, closing, suppress
from functools import wraps
from typing import Any

from coldframe._core.fibers import Process
from coldframe._core.selector import expecting, for_a_while
from coldframe._effects.families import put
from coldframe._effects.postgresql import CONNECTS_WITHIN_S, HURRY, LAST_LOOK, Advance, Ask, Backend, LockWaits, ready

#: States of a connection and of its transaction, as libpq numbers them.
OK = 0
IDLE, ACTIVE, IN_TRANSACTION, IN_ERROR = 0, 1, 2, 3


class PsycopgBackend:
    """A connection of psycopg.

    Args:
        pgconn: It, as libpq has it.
        process: Who uses it.
    """

    def __init__(self, pgconn: Any, process: Process) -> None:
        self.pgconn = pgconn
        self.pid: int = pgconn.backend_pid
        self.process = process
        self._address = (pgconn.host, pgconn.port, pgconn.db)

    @property
    def socket(self) -> int:
        """The number of its socket."""
        number: int = self.pgconn.socket
        return number

    def is_there(self) -> bool:
        """Whether it is still connected."""
        return bool(self.pgconn.status == OK)

    def is_busy(self) -> bool:
        """Whether it is inside a transaction, or in the middle of a statement."""
        return self.pgconn.transaction_status in (ACTIVE, IN_TRANSACTION, IN_ERROR)

    def dies_with_process(self) -> bool:
        """Whether nobody else can use it: who made it knows."""
        return False

    def address(self) -> Hashable:
        """The server, and the database there."""
        return self._address

    def ask_beside(self) -> Ask:
        """A way to ask over a connection of our own to the same place."""
        from psycopg.conninfo import make_conninfo
        from psycopg.pq import PGconn

        options = {option.keyword.decode(): option.val.decode() for option in self.pgconn.info if option.val}
        options |= {"host": self.pgconn.host.decode(), "port": self.pgconn.port.decode()}
        beside: Any = PGconn.connect(make_conninfo("", **options).encode())

        def ask(question: str | None) -> list[tuple[str, ...]]:
            if question is None:
                beside.finish()
                return []
            answer = beside.exec_(question.encode())
            columns = range(answer.nfields)
            return [tuple(answer.get_value(row, one).decode() for one in columns) for row in range(answer.ntuples)]

        return ask

    def shut(self) -> None:
        """Its process is dead: the server sees the connection go."""
        finish(self.pgconn)


def watch_psycopg(stack: ExitStack, waits: LockWaits, module: Any) -> None:
    """Put the bench's exchange over psycopg's own waits until the stack closes."""
    blocking, below_asyncio = module.Connection, module.AsyncConnection
    connect = vars(below_asyncio)["connect"].__func__
    put(stack, blocking, "wait", _waiting(waits, blocking.wait))
    put(stack, below_asyncio, "wait", _awaiting(waits, below_asyncio.wait))
    put(stack, below_asyncio, "connect", classmethod(_connecting(waits, connect)))


def _waiting(waits: LockWaits, wait: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(wait)
    def waiting(self: Any, gen: Any, *args: Any, **options: Any) -> Any:
        if not waits.is_on_bench() or options.get("timeout") is not None:
            return wait(self, gen, *args, **options)
        with closing(waits.statement(_use(waits, self.pgconn), _exchange(self.pgconn, gen))) as steps:
            try:
                while True:
                    waits.park(next(steps))
            except StopIteration as end:
                return end.value

    return waiting


def _awaiting(waits: LockWaits, wait: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(wait)
    async def awaiting(self: Any, gen: Any, *args: Any, **options: Any) -> Any:
        if not waits.is_on_bench() or options.get("timeout") is not None:
            return await wait(self, gen, *args, **options)
        await asyncio.sleep(0)  # the other coroutines have a turn, as in life
        with closing(waits.statement(_use(waits, self.pgconn), _exchange(self.pgconn, gen))) as steps:
            try:
                while True:
                    await waits.come(next(steps))
            except StopIteration as end:
                return end.value
            except asyncio.CancelledError:
                _cancel(self.pgconn, gen)
                raise

    return awaiting


def _connecting(waits: LockWaits, connect: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(connect)
    async def connecting(kind: Any, *args: Any, **options: Any) -> Any:
        if not waits.is_on_bench():
            return await connect(kind, *args, **options)
        with expecting(asyncio.get_running_loop(), for_a_while(CONNECTS_WITHIN_S)):
            return await connect(kind, *args, **options)

    return connecting


def _use(waits: LockWaits, pgconn: Any) -> Backend:
    backend = waits.use(PsycopgBackend(pgconn, waits.process))
    is_idle = pgconn.transaction_status == IN_TRANSACTION and not pgconn.pipeline_status
    if is_idle and waits.must_hurry(backend) and pgconn.parameter_status(b"is_superuser") == b"on":
        pgconn.exec_(HURRY.encode())
    return backend


def _exchange(pgconn: Any, steps: Any) -> Advance:
    """Takes the steps of a generator of psycopg, which yields what it wants to be told of its socket."""
    wants: list[int] = []

    def advance(milliseconds: int) -> bool:
        if not wants:
            wants.append(next(steps))
        came = ready(pgconn.socket, wants[0], milliseconds)
        if came:
            wants[0] = steps.send(came)
        return bool(came)

    return advance


def _cancel(pgconn: Any, steps: Any) -> None:
    """Have the server give a statement up, and hear that it did."""
    from psycopg.errors import QueryCanceled

    if pgconn.transaction_status == ACTIVE:
        pgconn.get_cancel().cancel()
        with suppress(QueryCanceled, StopIteration):
            wants = next(steps)
            while True:
                wants = steps.send(ready(pgconn.socket, wants, LAST_LOOK))


def finish(pgconn: Any) -> None:
    """The process that used a connection is dead: the server rolls back and forgets its session before this returns."""
    if pgconn.status == OK and not pgconn.pipeline_status:
        if pgconn.transaction_status in (IN_TRANSACTION, IN_ERROR):
            pgconn.exec_(b"ROLLBACK")
        if pgconn.transaction_status == IDLE:
            pgconn.exec_(b"DISCARD ALL")
    pgconn.finish()
