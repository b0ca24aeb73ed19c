"""What the parts of one open bench share, and the processes that live in it."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Protocol

from celery import _state

from coldframe._celery.deadlock import Deadlock
from coldframe._celery.stores import Stores
from coldframe._celery.worker_state import WorkerState
from coldframe._core.fibers import Fiber, Process
from coldframe._core.scheduler import Scheduler
from coldframe._core.trace import Trace

if TYPE_CHECKING:
    from celery import Celery

    from coldframe._broker.broker import Broker
    from coldframe._celery.beat import Beat
    from coldframe._celery.child import Child
    from coldframe._celery.node import Node
    from coldframe._celery.redis_client import RedisServer
    from coldframe._celery.tracer import Attempt

#: Process numbers on a bench start here: clearly no real ones, and the same in every run.
FIRST_PID = 70_001


class Gate(Protocol):
    """Where effects pass, as far as this layer has some: publishing, results, deliveries, acks."""

    def watches(self) -> bool:
        """Whether the running code is a task's."""

    def passing(
        self, effect: str, what: str, *, details: dict[str, Any] | None = None, failures: Any = ...
    ) -> AbstractContextManager[Any]:
        """Do a deed inside this block, if what it gives has no answer."""

    def step(self, name: str, message: Any, node: Node) -> AbstractContextManager[Any]:
        """A step of a node and the broker, inside this block: no task does it, but it can be broken, too."""


class CeleryProcess(Process):
    """A simulated process with the state that Celery keeps once per real process.

    Args:
        name: How people call it.
        app: The app that is current in it; None leaves the current app alone.
        joins_block: Whether waiting for a result is refused, as in pool processes.
        worker_state: The worker state that `celery.worker.state` shows in it.
        stores: Its result stores.
    """

    def __init__(
        self,
        name: str,
        *,
        pid: int,
        app: Celery | None = None,
        joins_block: bool = False,
        worker_state: WorkerState | None = None,
        stores: Stores,
    ) -> None:
        super().__init__(name)
        self.stores = stores
        self.pid = pid
        self.app = app
        self.worker_state = worker_state or WorkerState()
        self.attempt: Attempt | None = None
        #: The pool process that it is, if it is one.
        self.child: Child | None = None
        self._joins_block = joins_block

    def enter(self) -> None:
        _state._set_task_join_will_block(self._joins_block)
        WorkerState.current = self.worker_state
        self.stores.enter()
        if self.app is not None:
            _state._set_current_app(self.app)

    def release(self) -> None:
        self.worker_state = WorkerState()
        self.attempt = None
        if self.child is not None:
            vars(self.child).clear()

    def leave(self) -> None:
        self._joins_block = _state.task_join_will_block()
        self.stores.leave()
        if self.app is not None:
            self.app = _state._tls.current_app


class World:
    """The shared parts of an open bench: clock and scheduler, broker, trace, apps and nodes."""

    def __init__(self, scheduler: Scheduler, broker: Broker, trace: Trace, apps: tuple[Celery, ...]) -> None:
        self.scheduler = scheduler
        self.broker = broker
        self.trace = trace
        self.apps = apps
        self.nodes: dict[str, Node] = {}
        #: All nodes that there ever were.
        self.made: list[Node] = []
        self.beats: list[Beat] = []
        #: What beat wrote down when it stopped, by app: the entries with the moments when they were last sent.
        self.shelves: dict[Any, dict[str, Any]] = {}
        #: The simulated Redis servers that hold results, by address.
        self.redis_servers: dict[tuple[Any, ...], RedisServer] = {}
        self.redis_waits: list[tuple[object, Fiber]] = []
        #: How long the chain of tasks is of which each sent the next, by task id.
        self.depths: dict[str, int] = {}
        #: Called when an attempt at a task has ended; the bench looks for failures and endless loops.
        self.on_attempt_ended: Callable[[Attempt], None] = lambda attempt: None
        self.on_attempt_started: Callable[[Attempt], None] = lambda attempt: None
        #: Called before remote control speaks to all nodes.
        self.before_broadcast: Callable[[], None] = lambda: None
        #: Called when an errback raised inside the attempt that it was told of: Celery only logs that.
        self.on_errback_raised: Callable[[Attempt, str, BaseException], None] = lambda attempt, name, error: None
        #: Set while somebody watches.
        self.gate: Gate | None = None
        self.deadlock = Deadlock(self)
        self._pids = itertools.count(FIRST_PID)
        self._sockets = itertools.count(1)
        self._attempts = itertools.count(1)

    def release(self) -> None:
        """Let go of what is big: a fiber that died mid-task stays in memory for ever, and holds its world."""
        for node in self.made:
            node.release()
        for part in (self.made, self.nodes, self.beats, self.redis_servers, self.redis_waits, self.depths):
            part.clear()
        self.shelves.clear()
        broker = self.broker
        for content in (broker.queues, broker.connections, broker.exchanges):
            content.clear()
        broker.publish_context = lambda: ("", None, False)
        self.gate = None
        del self.on_attempt_ended, self.on_attempt_started, self.before_broadcast, self.on_errback_raised

    def next_pid(self) -> int:
        return next(self._pids)

    def next_socket(self) -> int:
        return next(self._sockets)

    def next_attempt(self) -> int:
        return next(self._attempts)

    @property
    def process(self) -> Any:
        """The process whose code is running."""
        return self.scheduler.current.process

    @property
    def in_test(self) -> bool:
        """Whether the running code is the test's own."""
        return self.scheduler.current is self.scheduler.main

    def busy(self) -> bool:
        """Whether anything is left that will still happen, beat aside."""
        self.deadlock.check()
        return any(node.busy for node in self.nodes.values()) or self.broker.busy()

    def attempt(self) -> Attempt | None:
        """The attempt at a task that the running code belongs to."""
        return getattr(self.process, "attempt", None)


#: The world of the bench that is open in this process, or None.
_open: list[World] = []


def current() -> World | None:
    """The world of the open bench."""
    return _open[-1] if _open else None


def enter(world: World) -> None:
    _open.append(world)


def leave(world: World) -> None:
    _open.remove(world)
    world.release()
