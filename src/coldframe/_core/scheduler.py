"""One thread, many greenlets, one clock: the scheduler that runs every simulated process.

A *fiber* is one greenlet of a simulated process. Fibers give way only where they park: in sleeps, polls
and waits. When nobody is ready, the clock jumps to the next timer. The test itself is the main fiber:
it either *parks* like everybody else (`time.sleep`, `result.get()`), or it *drives*: others run until a
condition holds (`settle`, `advance`, `drain`).
"""

from __future__ import annotations

import heapq
import random
from collections import deque
from collections.abc import Callable
from threading import get_ident
from typing import Any

from greenlet import GreenletExit, getcurrent, greenlet

from coldframe._core.fibers import Fiber, Process, Timer
from coldframe._core.running_loop import take_running_loop
from coldframe._core.threads import refuse_other_threads
from coldframe.errors import hides_frames

__tracebackhide__ = hides_frames

#: Killed fibers. A greenlet that is freed gets GreenletExit and would run its `finally` blocks: what is
#: dead must stay referenced, so that it stays dead.
GRAVEYARD: list[Fiber] = []

#: Cancelled timers are swept out once they are this many, and more than the live ones.
SWEEP_TIMERS_AT = 512

KeepGoing = Callable[[int | None], bool]


class Scheduler:
    """Runs fibers in turn and moves the clock when all of them wait.

    Args:
        start: The first moment, in microseconds since the epoch.
        shuffle: Picks among fibers that are ready at the same moment; None means first come, first served.
        main: The process of the test itself.
    """

    def __init__(self, start: int, shuffle: random.Random | None = None, main: Process | None = None) -> None:
        self.now = start
        self.main = Fiber(main or Process("test"), getcurrent(), disposable=False)
        self.main.started = True
        self.current = self.main
        #: Asked before the clock jumps; True means that it made somebody ready (real input, for example).
        self.before_jump: list[Callable[[], bool]] = []
        #: Told of each process that is about to be killed: what the system cleans up after it.
        self.before_kill: list[Callable[[Process], object]] = []
        #: Told of the process that goes on, whenever it is another one than before.
        self.on_switch: list[Callable[[Process], object]] = []
        #: Asked before each jump while the test waits, with whether it waits without a limit: the error if in vain.
        self.hopeless: Callable[[bool], BaseException | None] = lambda forever: None
        #: Called before the test waits or drives.
        self.on_main_waits: Callable[[], None] = lambda: None
        #: Asked what the test shall be told when a fiber ends with an error.
        self.explain: Callable[[Process, BaseException], BaseException] = lambda process, error: error
        self.switches = 0
        self.thread = get_ident()
        self._shuffle = shuffle
        self._ready: deque[Fiber] = deque()
        self._timers: list[tuple[int, int, Timer]] = []
        self._timer_count = 0
        self._cancelled_count = 0
        self._keep_going: KeepGoing | None = None
        self._main_waits_forever = False
        self._interrupt: BaseException | None = None
        self._closing = False
        #: Killed fibers without code of the user, which end with the scheduler; and the others, which never do.
        self._to_unwind: list[Fiber] = []
        self._dead: list[Fiber] = []
        self._hub = greenlet(self._run, parent=self.main.greenlet)

    # --- timers -----------------------------------------------------------------------------------------

    def call_at(self, when: int, callback: Callable[[], object]) -> Timer:
        """Run a callback at a moment; a moment in the past counts as now."""
        timer = Timer(self, max(when, self.now), callback)
        self._timer_count += 1
        heapq.heappush(self._timers, (timer.when, self._timer_count, timer))
        return timer

    def forget_timer(self) -> None:
        self._cancelled_count += 1
        if self._cancelled_count > SWEEP_TIMERS_AT and self._cancelled_count * 2 > len(self._timers):
            self._timers = [entry for entry in self._timers if not entry[2].cancelled]
            heapq.heapify(self._timers)
            self._cancelled_count = 0

    def next_moment(self) -> int | None:
        """The moment of the next timer, or None if there is none."""
        timers = self._timers
        while timers:
            if not timers[0][2].cancelled:
                return timers[0][0]
            heapq.heappop(timers)
            self._cancelled_count -= 1
        return None

    def move_to(self, moment: int) -> None:
        """Let time pass up to a moment before which nothing is due."""
        self.now = max(self.now, moment)

    # --- fibers -----------------------------------------------------------------------------------------

    def spawn(self, process: Process, body: Callable[[], Any], *, disposable: bool = True) -> Fiber:
        """Start a fiber; it runs when its turn comes."""

        def run() -> None:
            fiber.started = True
            try:
                body()
            except GreenletExit:
                pass
            except BaseException as error:
                self.interrupt(self.explain(process, error))
            finally:
                if fiber in process.fibers:
                    process.fibers.remove(fiber)

        fiber = Fiber(process, greenlet(run, parent=self._hub), disposable=disposable)
        process.fibers.append(fiber)
        self._ready.append(fiber)
        return fiber

    @property
    def can_park(self) -> bool:
        """False in callbacks of the scheduler itself, where nobody is there to wait."""
        return getcurrent() is not self._hub and not self._closing

    def is_own_thread(self) -> bool:
        """Whether the running code is in the thread of the bench."""
        return get_ident() == self.thread

    def wake(self, fiber: Fiber) -> None:
        """Let a parked fiber go on; one that is not parked is left alone."""
        if fiber.parked:
            fiber.parked = False
            fiber.woken = True
            self._ready.append(fiber)

    def throw(self, fiber: Fiber, error: BaseException) -> bool:
        """Raise an error in a fiber at the place where it waits, or waited until just now; False if it runs."""
        if not fiber.parked and not (fiber.started and fiber in self._ready):
            return False
        fiber.pending = error
        self.wake(fiber)
        return True

    def park(self, timeout: int | None = None) -> bool:
        """Wait until somebody wakes this fiber, or for a span of virtual time.

        Returns:
            True if the fiber was woken, False if the time ran out.
        """
        refuse_other_threads(self.thread)
        fiber = self.current
        if fiber is self.main:
            self.on_main_waits()
        timer = None
        if timeout is not None:
            timer = self.call_at(self.now + timeout, lambda: self._expire(fiber))
        if fiber is self.main:
            self._main_waits_forever = timeout is None
        fiber.parked = True
        fiber.woken = False
        try:
            self._give_way(fiber)
        finally:
            if timer is not None:
                timer.cancel()
        if fiber.pending is not None:
            error, fiber.pending = fiber.pending, None
            raise error
        return fiber.woken

    def drive(self, keep_going: KeepGoing) -> None:
        """Run everybody else; whenever nobody is ready, go on only while `keep_going(next moment)` says so."""
        refuse_other_threads(self.thread)
        self.on_main_waits()
        self._keep_going = keep_going
        try:
            self._give_way(self.main)
        finally:
            self._keep_going = None
        if self.main.pending is not None:
            error, self.main.pending = self.main.pending, None
            raise error

    def interrupt(self, error: BaseException) -> None:
        """Have the test raise an error as soon as the running fiber gives way."""
        if self._interrupt is None:
            self._interrupt = error

    def break_out(self, error: BaseException) -> None:
        """Raise an error in the test at once, whoever runs; the fiber that ran never goes on."""
        here, running = getcurrent(), self.current
        if running is self.main:
            raise error
        if here is self._hub:
            self.interrupt(error)
            return
        take_running_loop()
        running.point = here
        running.process.leave()
        self.main.process.enter()
        for told in self.on_switch:
            told(self.main.process)
        self.current = self.main
        self.main.parked = False
        if self.main in self._ready:
            self._ready.remove(self.main)
        self.main.point.throw(error)

    def kill(self, process: Process) -> None:
        """End a process for good: none of its code runs again, no `finally`, no `except`."""
        process.alive = False
        for clean_up in self.before_kill:
            clean_up(process)
        doomed, process.fibers = process.fibers, []
        for fiber in doomed:
            self.bury(fiber)
        if self.current in doomed:
            take_running_loop()  # it dies inside a coroutine, perhaps, and its loop is none of the others' business
            self._hub.switch()

    def bury(self, fiber: Fiber) -> None:
        """Never resume a fiber again."""
        fiber.parked = False
        if fiber in self._ready:
            self._ready.remove(fiber)
        if fiber in fiber.process.fibers:
            fiber.process.fibers.remove(fiber)
        if fiber.started and not fiber.greenlet.dead:
            (self._to_unwind if fiber.disposable else self._dead).append(fiber)
            GRAVEYARD.append(fiber)

    def close(self, processes: list[Process]) -> None:
        """Unwind the fibers that hold no code of the user, bury the others, and end the scheduler."""
        self._closing = True
        loop = take_running_loop()
        for process in processes:
            for fiber in list(process.fibers):
                self.bury(fiber)
            process.alive = False
        for fiber in self._to_unwind:
            self.current = fiber
            fiber.point.throw(GreenletExit)
            self.current = self.main
            if fiber.greenlet.dead:
                GRAVEYARD.remove(fiber)
        if self._hub:
            self._hub.switch()
        if loop is not None:
            loop.put_back()
        self._forget_all()

    def _forget_all(self) -> None:
        """Let go of everything: a fiber that died mid-task stays in memory, and holds its scheduler."""
        for fiber in self._dead:
            fiber.process.release()
        self._dead.clear()
        self._timers.clear()
        self._ready.clear()
        self._to_unwind.clear()
        self.before_jump.clear()
        self.on_switch.clear()
        del self.hopeless, self.on_main_waits, self.explain

    # --- the hub ----------------------------------------------------------------------------------------

    def _give_way(self, fiber: Fiber) -> None:
        """Switch to the hub; an asyncio loop that runs in this fiber is none of the others' business."""
        fiber.point = getcurrent()
        loop = take_running_loop()
        try:
            self._hub.switch()
        finally:
            if loop is not None:
                loop.put_back()

    def _expire(self, fiber: Fiber) -> None:
        if fiber.parked:
            fiber.parked = False
            fiber.woken = False
            self._ready.append(fiber)

    def _run(self) -> None:
        while not self._closing:
            if self._interrupt is not None:
                error, self._interrupt = self._interrupt, None
                self._resume_main(error)
            elif self._ready:
                self._switch(self._pick())
            elif any(wake() for wake in self.before_jump):
                continue
            else:
                self._jump()

    def _pick(self) -> Fiber:
        ready = self._ready
        if self._shuffle is None or len(ready) == 1:
            return ready.popleft()
        index = self._shuffle.randrange(len(ready))
        fiber = ready[index]
        del ready[index]
        return fiber

    def _switch(self, fiber: Fiber) -> None:
        before = self.current.process
        if fiber.process is not before:
            before.leave()
            fiber.process.enter()
            for told in self.on_switch:
                told(fiber.process)
        self.current = fiber
        self.switches += 1
        fiber.point.switch()

    def _resume_main(self, error: BaseException | None = None) -> None:
        main = self.main
        if main in self._ready:
            self._ready.remove(main)
        main.parked = False
        main.pending = error
        self._switch(main)

    def _jump(self) -> None:
        """Nobody is ready: hand over to the test, or move the clock to the next timer."""
        upcoming = self.next_moment()
        try:
            if self._keep_going is not None:
                if not self._keep_going(upcoming):
                    return self._resume_main()
            elif upcoming != self.now and (error := self.hopeless(self._main_waits_forever)) is not None:
                return self._resume_main(error)
            if upcoming is None:
                return self._resume_main()
            self.now = max(self.now, upcoming)  # later, if the clock was moved ahead of it
            while self._timers and self._timers[0][0] == upcoming:
                timer = heapq.heappop(self._timers)[2]
                if timer.cancelled:
                    self._cancelled_count -= 1
                else:
                    timer.cancelled = True
                    timer.callback()
        except Exception as error:
            self._resume_main(error)
