"""SQLAlchemy's pools: which process has which connections, and what becomes of them when it dies.

With connections of their own, each simulated process has a pool for each engine, as after a fork and
`engine.dispose(close=False)`. Else all take their connections from the pool of the test.
"""

from __future__ import annotations

import weakref
from collections import deque
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from coldframe._core.fibers import Fiber, Process
from coldframe._core.moments import seconds_to_micros
from coldframe._core.scheduler import Scheduler
from coldframe._effects.families import put
from coldframe._effects.sqlalchemy_links import Link
from coldframe._effects.sqlalchemy_sqlite import SqliteSide, has_common_cache, is_in_memory
from coldframe._effects.sqlalchemy_watch import Watch
from coldframe.errors import SetupError

if TYPE_CHECKING:
    from coldframe._bench.opening import OpenBench

#: How much earlier a connection is said to have been made, so that it counts as older than what made it invalid.
A_MOMENT = 1e-6


def watch_pools(stack: ExitStack, opened: OpenBench, watch: Watch) -> None:
    """Know who has which connection until the stack closes."""
    from sqlalchemy import Engine, event
    from sqlalchemy.pool import Pool

    pools = Pools(opened, watch)
    stack.callback(pools.close)
    opened.scheduler.before_kill.append(pools.end_of)
    listeners: dict[str, Any] = {
        "checkout": pools.checked_out,
        "checkin": pools.checked_in,
        "close": pools.closed,
        "detach": pools.detached,
        "close_detached": pools.closed,
        "invalidate": pools.invalidated,
    }
    for name, listener in listeners.items():
        event.listen(Pool, name, listener)
        stack.callback(event.remove, Pool, name, listener)
    _park_in_queues(stack, opened.scheduler)
    if opened.own_connections:
        put(stack, Engine, "pool", property(pools.of_engine, pools.set_of_engine))


class Pools:
    """The pools of all processes.

    Args:
        opened: The bench.
        watch: What is told of each connection.
    """

    def __init__(self, opened: OpenBench, watch: Watch) -> None:
        self._scheduler = opened.scheduler
        self._test = opened.scheduler.main.process
        self._is_own = opened.own_connections
        self._locks = opened.write_locks
        self._watch = watch
        self._spaces: dict[Process, weakref.WeakKeyDictionary[Any, Any]] = {}

    # --- events of pools --------------------------------------------------------------------------------

    def checked_out(self, raw: Any, record: Any, proxy: Any) -> None:
        """A process has a connection."""
        if not self._is_on_bench():
            return
        link = self._watch.links.of(raw) or self._new_link(raw, record, proxy._pool)  # noqa: SLF001
        link.process, link.in_use = self._watch.process, True

    def checked_in(self, raw: Any, _record: Any) -> None:
        """It gave the connection back."""
        link = self._watch.link_of(raw)
        if link is not None and not link.is_shared:
            link.in_use, link.session = False, None

    def detached(self, raw: Any, _record: Any) -> None:
        """A connection belongs to no pool any more."""
        link = self._watch.link_of(raw)
        if link is not None:
            link.record = None

    def closed(self, raw: Any, _record: Any = None) -> None:
        """A connection is no more."""
        link = self._watch.link_of(raw)
        if link is not None:
            self._watch.forget(link)

    def invalidated(self, raw: Any, _record: Any, _error: Any) -> None:
        """Make the others of its pool older than now: no time may have passed since they were made."""
        link = self._watch.link_of(raw)
        if link is not None:
            for other in self._watch.links:
                if other.pool is link.pool and other.record is not None:
                    other.record.starttime = min(other.record.starttime, self._scheduler.now / 1e6 - A_MOMENT)

    def _is_on_bench(self) -> bool:
        return self._watch.is_open and self._scheduler.is_own_thread()

    def _new_link(self, raw: Any, record: Any, pool: Any) -> Link:
        from sqlalchemy.pool import SingletonThreadPool, StaticPool

        is_shared = isinstance(pool, (SingletonThreadPool, StaticPool))
        link = Link(raw, record, pool, pool._dialect, self._watch.process, is_shared)  # noqa: SLF001
        if link.dialect.name == "sqlite":
            link.sqlite = SqliteSide(link)
        self._watch.links.add(link)
        return link

    # --- a pool for each process ------------------------------------------------------------------------

    def of_engine(self, engine: Any) -> Any:
        """The running process's pool of an engine."""
        pool = vars(engine)["pool"]
        process = self._watch.process
        if process is self._test or not self._is_on_bench():
            return pool
        space = self._spaces.setdefault(process, weakref.WeakKeyDictionary())
        if engine not in space:
            self._bury_the_dead()
            self._refuse_memory(engine, pool)
            space[engine] = pool.recreate()
        return space[engine]

    def set_of_engine(self, engine: Any, pool: Any) -> None:
        """An engine is made, or starts with an empty pool."""
        process = self._watch.process
        is_new = "pool" not in vars(engine)
        if is_new or process is self._test or not self._is_on_bench():
            vars(engine)["pool"] = pool
        if process is not self._test and self._is_on_bench():
            self._spaces.setdefault(process, weakref.WeakKeyDictionary())[engine] = pool

    def _refuse_memory(self, engine: Any, pool: Any) -> None:
        from sqlalchemy.pool import SingletonThreadPool, StaticPool

        if engine.dialect.name != "sqlite" or not is_in_memory(engine.url):
            return
        if isinstance(pool, (SingletonThreadPool, StaticPool)) or not has_common_cache(engine.url):
            error = SetupError(
                f"the database of {engine!r} is in memory, where processes cannot have connections of their own",
                hint="leave connections out, or let the engine use a file",
            )
            self._scheduler.interrupt(error)
            raise error

    # --- processes that end -----------------------------------------------------------------------------

    def end_of(self, process: Process) -> None:
        """A process is no more: the database rolls back what it did not commit, and closes its connections."""
        for link in self._watch.links:
            if link.is_shared:
                self._watch.abandon(link, process)
            elif link.process is process and (link.in_use or self._is_own):
                self._watch.abandon(link, process)
                if link.record is not None:
                    _empty(link)
        self._spaces.pop(process, None)
        self._locks.forget(process)

    def _bury_the_dead(self) -> None:
        """Processes that ended by themselves left their connections open, which real ones cannot."""
        for process in [process for process in self._spaces if not process.alive]:
            self.end_of(process)

    def close(self) -> None:
        """The bench closes, and all processes end but the test's."""
        for process in dict.fromkeys([*(link.process for link in self._watch.links), *self._spaces]):
            if process is not self._test:
                self.end_of(process)
        self._watch.is_open = False


def _empty(link: Link) -> None:
    """The pool has the place of a connection back, without the code of those who had it."""
    record = link.record
    record.dbapi_connection = None
    record.finalize_callback.clear()
    if link.in_use:
        record.fairy_ref = None
        link.pool._do_return_conn(record)  # noqa: SLF001 - what is public asks for the one who had it


def _park_in_queues(stack: ExitStack, scheduler: Scheduler) -> None:
    """Who waits for a connection of an exhausted pool waits in virtual time, so that others can give one back."""
    from sqlalchemy.util.queue import Queue

    get, put_in = Queue.get, Queue.put
    waiting: weakref.WeakKeyDictionary[Any, deque[Fiber]] = weakref.WeakKeyDictionary()

    def parking_get(self: Any, block: bool = True, timeout: float | None = None) -> Any:  # noqa: FBT001, FBT002
        if not (block and scheduler.is_own_thread() and scheduler.can_park):
            return get(self, block, timeout)
        deadline = None if timeout is None else scheduler.now + seconds_to_micros(timeout)
        while self.empty() and (deadline is None or scheduler.now < deadline):
            fiber = scheduler.current
            waiting.setdefault(self, deque()).append(fiber)
            try:
                scheduler.park(None if deadline is None else deadline - scheduler.now)
            finally:
                if fiber in waiting[self]:
                    waiting[self].remove(fiber)
        return get(self, False)

    def waking_put(self: Any, *args: Any, **options: Any) -> None:
        put_in(self, *args, **options)
        fibers = waiting.get(self, ())
        while fibers:
            fiber = fibers.popleft()
            if fiber.parked:
                scheduler.wake(fiber)
                return

    put(stack, Queue, "get", parking_get)
    put(stack, Queue, "put", waking_put)
