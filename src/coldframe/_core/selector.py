"""asyncio in virtual time: event loops that run in the thread of the bench wait on the scheduler.

A loop waits in the `select` of its selector. Here that first looks for real input; if there is none, the fiber
parks, so that the others run and the clock can jump. Loops are known by the running one, so those that were made
before the bench opened follow too. uvloop and the proactor loop of Windows have no selector and wait really.

Real input (sockets, other threads) takes no virtual time if it comes soon enough: before the clock jumps, a loop
that expects some is given a span of real time, once per wait. Who knows that an answer is on its way says so: then the
loop waits for it before anybody else runs, so that it does not matter how long it takes.
"""

from __future__ import annotations

import selectors
from asyncio.base_events import BaseEventLoop
from asyncio.events import AbstractEventLoop, _get_running_loop
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from socket import socket
from typing import Any
from weakref import WeakKeyDictionary

from coldframe._core.clock import in_virtual_time, real_monotonic
from coldframe._core.fibers import Fiber, Process
from coldframe._core.moments import seconds_to_micros
from coldframe._core.scheduler import Scheduler
from coldframe.errors import NeverReady

#: How long a wait for a socket may hold up the clock, in real seconds: a server on the same machine answers in
#: that time, and a silent connection (a pool's, say) costs no more than that per wait.
SOCKET_PATIENCE_S = 0.2

#: The same for work that the loop gave to a thread or process: unlike a socket it is sure to answer, so a
#: timeout around it should not expire only because its seconds are real ones.
EXECUTOR_PATIENCE_S = 5.0

#: A loop calls what is due within the resolution of its clock, which steps by microseconds here. Half a step covers
#: what doubles round off a date, and calls nothing a step too early; with less, a loop would spin without progress.
CLOCK_RESOLUTION_S = 0.5e-6

#: Several loops are asked in turn, this long each.
_SLICE_S = 0.001

Select = Callable[[Any, float | None], list[Any]]

#: Asked whether an answer is still on its way.
IsComing = Callable[[], bool]

_expected: WeakKeyDictionary[AbstractEventLoop, list[IsComing]] = WeakKeyDictionary()


@contextmanager
def expecting(loop: AbstractEventLoop, is_coming: IsComing) -> Iterator[None]:
    """While a loop waits for a server that is sure to answer: it takes no turns with others, and no virtual time.

    Args:
        loop: The loop that runs.
        is_coming: Asked again and again; when it says no, the loop waits like others do.
    """
    expected = _expected.setdefault(loop, [])
    expected.append(is_coming)
    try:
        yield
    finally:
        expected.remove(is_coming)


def for_a_while(seconds: float) -> IsComing:
    """An answer that comes within so many real seconds, or never."""
    until = real_monotonic() + seconds
    return lambda: real_monotonic() < until


class _Wait:
    """A loop that waits in a parked fiber."""

    __slots__ = ("fiber", "patience", "select", "selector")

    def __init__(self, fiber: Fiber, selector: Any, select: Select, patience: float) -> None:
        self.fiber = fiber
        self.selector = selector
        self.select = select
        #: Real seconds for which the clock may still be held up.
        self.patience = patience


class AsyncioWaits:
    """Makes the event loops of this thread wait in virtual time.

    Args:
        scheduler: Where the loops' fibers park.
    """

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self._waits: list[_Wait] = []
        self._waits_really = False
        self._handed_out: dict[BaseEventLoop, int] = {}
        self._undo: list[tuple[type, str, Any, Any]] = []
        self._resolutions: WeakKeyDictionary[BaseEventLoop, float] = WeakKeyDictionary()
        self._owners: WeakKeyDictionary[BaseEventLoop, Fiber] = WeakKeyDictionary()

    def install(self) -> None:
        """Replace the waits of asyncio's loops, in all threads; those of other threads go on as before."""
        try:
            for selector_class in _selector_classes():
                real: Select = selector_class.__dict__["select"]
                self._patch(selector_class, "select", self._virtual_select(real))
            self._patch(BaseEventLoop, "run_in_executor", self._counting(BaseEventLoop.run_in_executor))
            self._scheduler.before_jump.append(self._look_for_input)
            self._scheduler.before_kill.append(self._end_of)
        except BaseException:
            self.restore()
            raise

    def restore(self) -> None:
        """Put the real waits back; harmless if they are."""
        while self._undo:
            owner, name, before, after = self._undo[-1]
            if owner.__dict__[name] is after:
                setattr(owner, name, before)
            self._undo.pop()
        if self._look_for_input in self._scheduler.before_jump:
            self._scheduler.before_jump.remove(self._look_for_input)
        for loop, resolution in self._resolutions.items():
            vars(loop)["_clock_resolution"] = resolution
        for process in {owner.process for owner in self._owners.values() if not owner.process.alive}:
            self._end_of(process)
        self._resolutions.clear()
        self._owners.clear()
        self._waits.clear()
        self._handed_out.clear()

    def _patch(self, owner: type, name: str, after: Any) -> None:
        self._undo.append((owner, name, owner.__dict__[name], after))
        setattr(owner, name, after)

    def _virtual_select(self, real: Select) -> Select:
        def select(selector: Any, timeout: float | None = None) -> list[Any]:
            loop = _get_running_loop()
            is_loops = loop is not None and getattr(loop, "_selector", None) is selector
            if not is_loops or self._waits_really or not in_virtual_time():
                return real(selector, timeout)
            return self._wait(loop, selector, real, timeout)

        return select

    def _counting(self, real: Callable[..., Any]) -> Callable[..., Any]:
        """Know which loops wait for a thread or process that works for them."""

        def run_in_executor(loop: BaseEventLoop, executor: Any, func: Callable[..., Any], *args: Any) -> Any:
            future = real(loop, executor, func, *args)
            if in_virtual_time():
                self._handed_out[loop] = self._handed_out.get(loop, 0) + 1
                future.add_done_callback(lambda _: self._came_back(loop))
            return future

        return run_in_executor

    def _came_back(self, loop: BaseEventLoop) -> None:
        left = self._handed_out.pop(loop, 0) - 1
        if left > 0:
            self._handed_out[loop] = left

    def _wait(self, loop: Any, selector: Any, real: Select, timeout: float | None) -> list[Any]:
        if loop not in self._resolutions:
            self._resolutions[loop] = vars(loop)["_clock_resolution"]
            vars(loop)["_clock_resolution"] = CLOCK_RESOLUTION_S
            self._owners[loop] = self._scheduler.current
        events = real(selector, 0)
        scheduler = self._scheduler
        if events or (timeout is not None and timeout <= 0) or not scheduler.can_park:
            return events
        while any(is_coming() for is_coming in list(_expected.get(loop, ()))):
            if events := self._really(selector, real):
                return events
        wait = _Wait(scheduler.current, selector, real, self._patience_for(loop, selector))
        self._waits.append(wait)
        try:
            woken = scheduler.park(None if timeout is None else seconds_to_micros(timeout))
        finally:
            if wait in self._waits:
                self._waits.remove(wait)
        if timeout is None and not woken:
            raise NeverReady(
                "an asyncio event loop waits, and nothing on the bench can wake it any more",
                hint="Await it with a timeout (asyncio.timeout), or start what it waits for before you await it.",
            )
        return real(selector, 0)

    def _end_of(self, process: Process) -> None:
        """A process is no more: what its loops had open is closed, which for a real one the system does."""
        for loop, owner in list(self._owners.items()):
            if owner.process is process:
                del self._owners[loop]
                if not owner.disposable:  # else it is unwound, and closes its loop itself
                    _close_files(loop)

    def _really(self, selector: Any, real: Select) -> list[Any]:
        """Wait for input in real time; a selector may ask that of another one, or of its base class."""
        self._waits_really = True
        try:
            return real(selector, _SLICE_S)
        finally:
            self._waits_really = False

    def _patience_for(self, loop: Any, selector: Any) -> float:
        """How long real input may be waited for: not at all if only other fibers can wake the loop."""
        if loop in self._handed_out or loop._executor_shutdown_called:  # noqa: SLF001 (nothing public tells)
            return EXECUTOR_PATIENCE_S
        sockets = len(selector.get_map()) - loop._internal_fds  # noqa: SLF001
        # Where an answer was on its way and no longer is, nothing comes before others have run.
        return SOCKET_PATIENCE_S if sockets > len(_expected.get(loop, ())) else 0.0

    def _look_for_input(self) -> bool:
        """Wake the loops that have input; nobody else is ready, so some real time may pass meanwhile."""
        waits = self._waits = [wait for wait in self._waits if wait.fiber.parked]
        if not waits:
            return False
        if self._wake_those_with_input(0):
            return True
        upcoming = self._scheduler.next_moment()
        if upcoming is not None and upcoming <= self._scheduler.now:
            return False
        # Where no timer is left, a loop that seems to wait in vain may still hear from a thread of the user's.
        least = SOCKET_PATIENCE_S if upcoming is None else 0.0
        began = real_monotonic()
        patience = max(max(wait.patience, least) for wait in waits)
        woke = False
        while patience > 0 and not woke and real_monotonic() - began < patience:
            woke = self._wake_those_with_input(_SLICE_S)
        spent = real_monotonic() - began
        for wait in waits:
            wait.patience = max(0.0, wait.patience - spent)
        return woke

    def _wake_those_with_input(self, seconds: float) -> bool:
        woke = False
        for wait in self._waits:
            if wait.select(wait.selector, seconds):
                self._scheduler.wake(wait.fiber)
                woke = True
        return woke


def _close_files(loop: Any) -> None:
    """Close the sockets of a loop that never runs again, and what it waits for them with."""
    if loop.is_closed() or loop._selector.get_map() is None:  # noqa: SLF001 - nothing public tells
        return
    # What its selector knows stays in memory with the loop: freed, it would complain that nobody closed it.
    keys = vars(loop)["_known_when_it_died"] = list(loop._selector.get_map().values())  # noqa: SLF001
    for file in (*(file for key in keys for file in _sockets_of(key)), loop._ssock, loop._csock):  # noqa: SLF001
        file.close()
    loop._selector.close()  # noqa: SLF001


def _sockets_of(key: Any) -> Iterator[socket]:
    """The sockets that are behind the number of a file: of a transport, or of a server."""
    for handle in key.data or ():
        if handle is not None:
            transport = getattr(handle._callback, "__self__", None)  # noqa: SLF001
            found = (getattr(transport, "_sock", None), *(handle._args or ()))  # noqa: SLF001
            yield from (one for one in found if isinstance(one, socket))


def _selector_classes() -> list[type]:
    """The selectors of the standard library that wait themselves."""
    return [
        value
        for value in vars(selectors).values()
        if isinstance(value, type) and value is not selectors.BaseSelector and "select" in value.__dict__
    ]
