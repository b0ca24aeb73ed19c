"""The write locks of SQLite: one process at a time is inside a transaction of a file that writes.

Real processes wait for each other in SQLite's busy handler, which would stop the one thread of a bench. Here they park,
and the first of them goes on when the transaction has ended, as they would on a server.
"""

from __future__ import annotations

import asyncio
import os
from asyncio.events import _get_running_loop
from collections import deque
from collections.abc import Callable, Hashable
from functools import lru_cache
from typing import Any

from coldframe._core.fibers import Fiber, Process
from coldframe._core.scheduler import Scheduler


class NeverFree(Exception):
    """The lock will not be free before the one that asks for it goes on."""


class Turn:
    """Somebody who waits for a lock, or has it: a fiber, or one coroutine of those that run in it.

    Args:
        owner: What the lock is for: a connection, or a process.
        fiber: The fiber that runs.
    """

    __slots__ = ("fiber", "has_come", "owner", "task", "wake")

    def __init__(self, owner: Hashable, fiber: Fiber) -> None:
        self.owner = owner
        self.fiber = fiber
        loop = _get_running_loop()
        self.task: Any = asyncio.current_task(loop) if loop is not None else None
        self.has_come = False
        self.wake: Callable[[], object] = lambda: None

    async def come(self) -> None:
        """Wait without holding up the other coroutines of the loop."""
        loop = asyncio.get_running_loop()
        future = loop.create_future()
        self.wake = lambda: loop.call_soon_threadsafe(_let_go, future)
        await future

    def is_same(self, other: Turn) -> bool:
        """Whether it is the same code that waits, one after the other."""
        return self.fiber is other.fiber and self.task is other.task


Wait = Callable[[Turn], object]


class WriteLock:
    """Who is inside a transaction that writes, and who waits for that."""

    __slots__ = ("holder", "waiting")

    def __init__(self) -> None:
        self.holder: Turn | None = None
        self.waiting: deque[Turn] = deque()


class WriteLocks:
    """The locks of all files.

    Args:
        scheduler: Where fibers wait.
    """

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self._locks: dict[Hashable, WriteLock] = {}

    def take(self, key: Hashable, owner: Hashable, wait: Wait | None = None) -> None:
        """Wait until nobody else has the lock, and have it; who has it has it still.

        Args:
            key: What is locked: the path of a file.
            owner: For whom.
            wait: How to wait; by default the fiber parks.

        Raises:
            NeverFree: Waiting would never end.
        """
        lock = self._locks.setdefault(key, WriteLock())
        turn = Turn(owner, self._scheduler.current)
        if lock.holder is None:
            lock.holder = turn
        elif lock.holder.owner != owner and self._scheduler.can_park:
            if self._is_in_vain(lock.holder, turn):
                raise NeverFree(key)
            self._wait(lock, turn, wait or self._park)

    def is_free(self, key: Hashable, owner: Hashable) -> bool:
        """Whether nobody else has the lock."""
        holder = self.holder(key)
        return holder is None or holder.owner == owner

    def holder(self, key: Hashable) -> Turn | None:
        """Who has the lock."""
        lock = self._locks.get(key)
        return lock.holder if lock is not None else None

    def release(self, key: Hashable, owner: Hashable) -> None:
        """The transaction has ended: the first that waits for that has the lock now."""
        lock = self._locks.get(key)
        if lock is not None and lock.holder is not None and lock.holder.owner == owner:
            self._pass_on(lock)

    def forget(self, process: Process) -> None:
        """A process is no more, and waits for nothing."""
        for lock in self._locks.values():
            lock.waiting = deque(turn for turn in lock.waiting if turn.fiber.process is not process)
            if lock.holder is not None and lock.holder.fiber.process is process:
                self._pass_on(lock)

    def waits(self) -> list[tuple[Process, Process]]:
        """The processes that wait, each with the one that it waits for."""
        return [
            (turn.fiber.process, lock.holder.fiber.process)
            for lock in self._locks.values()
            for turn in lock.waiting
            if lock.holder is not None
        ]

    def _wait(self, lock: WriteLock, turn: Turn, wait: Wait) -> None:
        lock.waiting.append(turn)
        try:
            while not turn.has_come:
                wait(turn)
        except BaseException:
            if turn in lock.waiting:
                lock.waiting.remove(turn)
            elif lock.holder is turn:
                self._pass_on(lock)
            raise

    def _park(self, turn: Turn) -> None:
        turn.wake = lambda: self._scheduler.wake(turn.fiber)
        self._scheduler.park()

    def _pass_on(self, lock: WriteLock) -> None:
        lock.holder = lock.waiting.popleft() if lock.waiting else None
        if lock.holder is not None:
            lock.holder.has_come = True
            lock.holder.wake()

    def _is_in_vain(self, holder: Turn, turn: Turn) -> bool:
        """Whether the holder is the waiting code itself, or waits for it in turn."""
        seen: list[Turn] = []
        while not holder.is_same(turn):
            seen.append(holder)
            locks = self._locks.values()
            awaited = next((lock.holder for lock in locks if any(holder.is_same(one) for one in lock.waiting)), None)
            if awaited is None or awaited in seen:
                return False
            holder = awaited
        return True


@lru_cache(maxsize=64)
def path_of(name: str) -> str:
    """The one path of a file, however it is named."""
    return os.path.realpath(name)


def _let_go(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
