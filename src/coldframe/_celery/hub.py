"""A node's event loop: kombu's Hub over simulated sockets, in virtual time."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import Any

from kombu.asynchronous import Hub as KombuHub
from kombu.asynchronous.timer import Entry, Timer, to_timestamp
from vine import Thenable, promise

from coldframe._celery.transport import VirtualSocket
from coldframe._celery.worker_state import OrderedSet
from coldframe._celery.world import World
from coldframe._core.fibers import Fiber
from coldframe._core.moments import SECOND
from coldframe.errors import SetupError

#: Two doubles next to each other near today's epoch time are 0.24 microseconds apart.
ROUNDING = 0.3

_entry_numbers = itertools.count()


class NumberedEntry(Entry):
    """A timer entry that is ordered by its creation; kombu's are ordered by memory address."""

    __slots__ = ("number",)

    def __init__(self, fun: Any, args: Any = None, kwargs: Any = None) -> None:
        super().__init__(fun, args, kwargs)
        self.number = next(_entry_numbers)

    def __lt__(self, other: NumberedEntry) -> bool:
        return self.number < other.number


def make_exact(timer: Timer, world: World) -> None:
    """Let a kombu timer fire in the very microsecond it was set for, and never in the same one again.

    Only the instance is changed. Float seconds would leave remainders below a microsecond: a loop that
    waits for such a remainder spins without progress.
    """
    enter = timer._enter

    def enter_exactly(eta: float, priority: int, entry: Entry, **options: Any) -> Entry:
        return enter(math.ceil(eta * SECOND - ROUNDING) / SECOND, priority, entry)

    def enter_after(secs: float, entry: Entry, priority: int = 0, **options: Any) -> Entry:
        span = max(1, math.ceil(float(secs) * SECOND - ROUNDING)) if secs > 0 else 0
        return enter((world.scheduler.now + span) / SECOND, priority, entry)

    def enter_at(entry: Entry, eta: Any = None, priority: int = 0, **options: Any) -> Entry:
        moment = world.scheduler.now / SECOND if eta is None else to_timestamp(eta)
        return enter_exactly(moment, priority, entry)

    vars(timer).update(Entry=NumberedEntry, _enter=enter_exactly, enter_after=enter_after, enter_at=enter_at)


class Poller:
    """What kombu expects of a poller; the hub itself asks its sockets."""

    def register(self, fd: Any, flags: int) -> None:
        """Nothing to do."""

    def unregister(self, fd: Any) -> None:
        """Nothing to do."""

    def close(self) -> None:
        """Nothing to do."""


class Hub(KombuHub):
    """Runs the callbacks, timers and readers of one node.

    Args:
        timer: Replaced by the node's timer as soon as the node has made it.
        world: The bench that the node lives in.
    """

    def __init__(self, timer: Timer, world: World) -> None:
        super().__init__(timer)
        self.world = world
        self.fiber: Fiber | None = None
        self.on_tick: Any = OrderedSet()
        self.on_close: Any = OrderedSet()
        self._ready: Any = OrderedSet()
        self._sockets: dict[int, VirtualSocket] = {}

    def _create_poller(self) -> None:
        self._poller = Poller()

    def wake(self) -> None:
        """Let the loop go round once more."""
        if self.fiber is not None:
            self.world.scheduler.wake(self.fiber)

    def call_soon(self, callback: Any, *args: Any) -> Any:
        if not isinstance(callback, Thenable):
            callback = promise(callback, args)
        self._ready.add(callback)
        self.wake()
        return callback

    def _pop_ready(self) -> Any:
        ready, self._ready = self._ready, OrderedSet()
        return ready

    def add(self, fd: Any, callback: Any, flags: int, args: Any = (), consolidate: bool = False) -> None:
        if not isinstance(fd, VirtualSocket):
            raise SetupError(
                f"a bootstep registered the real file descriptor {fd!r} with a node's event loop",
                hint="on a bench nothing polls real file descriptors: leave that bootstep out of the test's app",
            )
        known = self._sockets
        self._sockets = {fd.fileno(): fd, **known} if fd.is_pipe else {**known, fd.fileno(): fd}
        self.readers[fd.fileno()] = callback, args
        fd.on_readable = self.wake
        fd.is_polled = self._running

    def _discard(self, fd: Any) -> None:
        number = fd if isinstance(fd, int) else fd.fileno()
        self.readers.pop(number, None)
        socket = self._sockets.pop(number, None)
        if socket is not None:
            socket.on_readable = None
            socket.is_polled = False

    def reset(self) -> None:
        self._forget_sockets()
        super().reset()

    def close(self, *args: Any) -> None:
        self._forget_sockets()
        super().close(*args)

    def _forget_sockets(self) -> None:
        for number in list(self._sockets):
            self._discard(number)

    def create_loop(self, *args: Any, **options: Any) -> Iterator[None]:
        """One round per step: what was called soon, the timers that are due, the sockets that have something."""
        self._running = True
        for socket in self._sockets.values():
            socket.is_polled = True
        self.fiber = self.world.scheduler.current
        timer = self.timer
        while True:
            for callback in self._pop_ready():
                callback()
            if timer._queue:
                self.fire_timers(propagate=self.propagate_errors)
            for callback in self.on_tick:
                callback()
            for number in self._wait_for_readers():
                reader = self.readers.get(number)
                if reader is not None:
                    reader[0](*reader[1])
            yield

    def _wait_for_readers(self) -> list[int]:
        ready = self._readable()
        if ready or self._ready:
            return ready
        timer = self.timer
        timeout = None
        if timer._queue:
            timeout = round(timer._queue[0].eta * SECOND) - self.world.scheduler.now
            if timeout <= 0:
                return ready
        self.world.scheduler.park(timeout)
        return self._readable()

    def _readable(self) -> list[int]:
        return [number for number, socket in self._sockets.items() if socket.readable()]
