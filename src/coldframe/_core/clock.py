"""Virtual time for this thread: what `time`, `datetime` and `sleep` say and do while a bench is open.

The wall clock is replaced in place by time-machine, so that captured references follow too; the monotonic clocks
and `sleep`, which time-machine leaves alone since its version 3, by a sweep over the loaded modules (`Captured`).
Only the thread of the bench lives in virtual time: other threads wait for real sockets and locks. The time zone of
the host stays as it is.
"""

from __future__ import annotations

import datetime
import operator
import os
import sys
import time
from threading import get_ident
from typing import Any

import time_machine

from coldframe._core.moments import SECOND, seconds_to_micros
from coldframe._core.references import Replacement
from coldframe._core.scheduler import Scheduler
from coldframe.errors import AlreadyOpen, SetupError

#: Code that reads a clock this often in one moment, and never waits, is in a loop that waits for time to pass.
READS_UNTIL_TIME_PASSES = 10_000
BUSY_STEP = SECOND // 1000

_monotonic = time.monotonic
_monotonic_ns = time.monotonic_ns
_perf_counter = time.perf_counter
_perf_counter_ns = time.perf_counter_ns
_sleep = time.sleep
_clock_gettime: Any = getattr(time, "clock_gettime", None)
_clock_gettime_ns: Any = getattr(time, "clock_gettime_ns", None)

_MONOTONIC_IDS = frozenset(
    getattr(time, name)
    for name in ("CLOCK_MONOTONIC", "CLOCK_MONOTONIC_RAW", "CLOCK_BOOTTIME", "CLOCK_UPTIME", "CLOCK_UPTIME_RAW")
    if hasattr(time, name)
)

#: Modules that wait for real things, and modules that watch the tests themselves.
_WAITING = {"asyncio", "concurrent", "multiprocessing", "queue", "select", "selectors", "signal", "socket", "ssl"}
_WAITING |= {"coldframe", "greenlet", "subprocess", "threading", "time_machine"}
_WATCHING = {"_pytest", "coverage", "debugpy", "execnet", "faulthandler", "hypothesis", "pluggy", "pyinstrument"}
_WATCHING |= {"viztracer", "xdist"}
_REAL_SUBMODULES = frozenset({"logging.handlers"})


def keeps_real_time(module_name: str) -> bool:
    """Whether a module goes on using the real clocks that it captured."""
    top = module_name.partition(".")[0]
    return (
        top in _WAITING
        or top in _WATCHING
        or module_name in _REAL_SUBMODULES
        or top.startswith(("pytest", "_pydev", "pydev"))
    )


class VirtualTime:
    """The clock of one bench.

    The monotonic clocks and `sleep` become virtual only with a sweep: `Captured(clock.replacements(), ...)`.

    Args:
        scheduler: Its `now` is the time, and its fibers are those that sleep.
    """

    def __init__(self, scheduler: Scheduler) -> None:
        self.thread = get_ident()
        self._scheduler = scheduler
        self._travel: time_machine.travel | None = None
        self._traveller: time_machine.Traveller | None = None
        self._reads = 0
        self._read_at = (-1, -1)

    def install(self) -> None:
        """Start virtual time in this thread."""
        if _FUNCTIONS.clock is not None:
            raise AlreadyOpen(
                "virtual time was started while it already runs",
                hint="Close the open bench before you open another one.",
            )
        if "freezegun" in sys.modules and datetime.datetime.__name__ == "FakeDatetime":
            raise SetupError(
                "virtual time cannot start while freezegun holds the clock",
                hint="Open the bench outside of freeze_time, and say when it starts: Bench(start=...).",
            )
        self.thread = get_ident()
        try:
            _FUNCTIONS.open(self)
            self._travel = time_machine.travel(0, tick=False)
            self._traveller = traveller = self._travel.start()
            # The traveller asks the scheduler each time: nothing has to be updated when the clock moves.
            traveller.time_ns = self._wall_ns  # type: ignore[method-assign]
        except BaseException:
            self.restore()
            raise

    def restore(self) -> None:
        """Go back to real time; harmless if it is real already."""
        if _FUNCTIONS.clock is self:
            _FUNCTIONS.forget()
        travel, self._travel = self._travel, None
        traveller, self._traveller = self._traveller, None
        if travel is None or traveller is None:
            return
        # A test may have started a travel of its own on top of ours: then theirs goes on.
        stack = time_machine.traveller_stack
        if stack and stack[-1] is traveller:
            travel.stop()
        elif traveller in stack:
            stack.remove(traveller)

    def replacements(self) -> list[Replacement]:
        """The functions of `time` that need a sweep, each with what takes its place."""
        return list(_REPLACEMENTS)

    def read(self) -> int:
        """The virtual time in microseconds; a loop that only reads the clock makes it move."""
        scheduler = self._scheduler
        at = (scheduler.now, scheduler.switches)
        if at != self._read_at:
            self._read_at = at
            self._reads = 0
        self._reads += 1
        if self._reads > READS_UNTIL_TIME_PASSES and scheduler.can_park:
            self._reads = 0
            scheduler.park(BUSY_STEP)
        return scheduler.now

    def monotonic_micros(self) -> int:
        """The monotonic clocks' time in microseconds: the wall clock's.

        kombu turns an ETA into a time of the monotonic clock by way of the difference between both. With none, the
        microsecond that was asked for is met exactly, where doubles would round.
        """
        return self.read()

    def sleep(self, micros: int) -> None:
        """Park the running fiber; in callbacks of the scheduler nobody can wait, so the span is left out."""
        if self._scheduler.can_park:
            self._scheduler.park(micros)

    def _wall_ns(self) -> int:
        if _FUNCTIONS.open_here() is not self:
            return time_machine.escape_hatch.time.time_ns()
        return self.read() * 1000


class _Functions:
    """What takes the place of functions of `time`; they outlive benches, and are the real ones in between.

    They are used as bound methods, which like builtins do not bind again when they are class attributes.
    """

    def __init__(self) -> None:
        self.clock: VirtualTime | None = None
        self.forgets_on_fork = False

    def __reduce__(self) -> str:
        return "_FUNCTIONS"

    def open_here(self) -> VirtualTime | None:
        """The clock of the open bench, if this is its thread."""
        clock = self.clock
        return clock if clock is not None and clock.thread == get_ident() else None

    def open(self, clock: VirtualTime) -> None:
        """Let a clock rule; a process that this one forks is none of the bench's and has real time."""
        self.clock = clock
        if not self.forgets_on_fork and hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self.forget)
            self.forgets_on_fork = True

    def forget(self) -> None:
        """Let no clock rule."""
        self.clock = None

    def sleep(self, seconds: float, /) -> None:
        """Do as `time.sleep` does."""
        clock = self.open_here()
        if clock is None:
            _sleep(seconds)
            return
        span = seconds if isinstance(seconds, float) else operator.index(seconds)
        if span < 0:
            raise ValueError("sleep length must be non-negative")
        clock.sleep(seconds_to_micros(span))

    def monotonic(self) -> float:
        """Do as `time.monotonic` does."""
        clock = self.open_here()
        return _monotonic() if clock is None else clock.monotonic_micros() / SECOND

    def monotonic_ns(self) -> int:
        """Do as `time.monotonic_ns` does."""
        clock = self.open_here()
        return _monotonic_ns() if clock is None else clock.monotonic_micros() * 1000

    def perf_counter(self) -> float:
        """Do as `time.perf_counter` does."""
        clock = self.open_here()
        return _perf_counter() if clock is None else clock.monotonic_micros() / SECOND

    def perf_counter_ns(self) -> int:
        """Do as `time.perf_counter_ns` does."""
        clock = self.open_here()
        return _perf_counter_ns() if clock is None else clock.monotonic_micros() * 1000

    def clock_gettime(self, clk_id: int, /) -> float:
        """Do as `time.clock_gettime` does; the wall clock is in time-machine's care."""
        clock = self.open_here() if clk_id in _MONOTONIC_IDS else None
        return _clock_gettime(clk_id) if clock is None else clock.monotonic_micros() / SECOND

    def clock_gettime_ns(self, clk_id: int, /) -> int:
        """Do as `time.clock_gettime_ns` does; the wall clock is in time-machine's care."""
        clock = self.open_here() if clk_id in _MONOTONIC_IDS else None
        return _clock_gettime_ns(clk_id) if clock is None else clock.monotonic_micros() * 1000


_FUNCTIONS = _Functions()

_REPLACED = (
    "sleep",
    "monotonic",
    "monotonic_ns",
    "perf_counter",
    "perf_counter_ns",
    "clock_gettime",
    "clock_gettime_ns",
)
_REPLACEMENTS: tuple[Replacement, ...] = tuple(
    (getattr(time, name), getattr(_FUNCTIONS, name)) for name in _REPLACED if hasattr(time, name)
)


def real_monotonic() -> float:
    """The real monotonic clock in seconds; being a function of its own, no sweep replaces it."""
    return _monotonic()


def real_perf_counter() -> float:
    """The real clock to measure with, in seconds."""
    return _perf_counter()


def real_sleep(seconds: float) -> None:
    """Wait in real time; the whole bench waits, too."""
    _sleep(seconds)


def in_virtual_time() -> bool:
    """Whether a bench is open and this is its thread."""
    return _FUNCTIONS.open_here() is not None
