"""A pool process of a node, as far as its parent can tell: a fiber in a process of its own, whose death is real."""

from __future__ import annotations

import os
import pickle
import signal
from typing import TYPE_CHECKING, Any

from billiard.common import EX_SOFTWARE, TERM_SIGNAL
from billiard.einfo import ExceptionInfo
from billiard.exceptions import SoftTimeLimitExceeded
from billiard.pool import ApplyResult, MaybeEncodingError
from celery import signals, states
from celery.app.trace import fast_trace_task

from coldframe._celery.tracer import LOST, NodeTasks
from coldframe._celery.world import CeleryProcess, World
from coldframe._core.fibers import Fiber
from coldframe._core.moments import SECOND
from coldframe._core.watchdog import Stuck

if TYPE_CHECKING:
    from coldframe._celery.pool import Pool

#: The signals on which a pool process leaves by way of SystemExit, so that `finally` blocks run.
TERMINATING = frozenset({signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT})

ACCEPTED, DONE = "accepted", "done"

#: A job, the function to call, and its arguments.
Job = tuple[ApplyResult, Any, Any, Any]


class Child:
    """One pool process of a node."""

    def __init__(self, pool: Pool, number: int) -> None:
        node = pool.node
        self.pool = pool
        self.number = number
        self.process = CeleryProcess(
            f"{node.name}/{number}",
            pid=node.world.next_pid(),
            app=node.current_app,
            joins_block=True,
            stores=node.process.stores,
        )
        self.process.child = self
        self.localized = [NodeTasks(node), *node.localized]
        self.pid = self.process.pid
        #: What its parent wrote to it and it has not read.
        self.given: Job | None = None
        self.job: ApplyResult | None = None
        self.is_leaving = False
        self.was_terminated = False
        #: The exit code with which it leaves, once a signal has told it to.
        self.leaves_with: int | None = None
        self.exitcode: int | None = None
        self.completed = 0
        self.fiber: Fiber = node.world.scheduler.spawn(self.process, self.run)

    @property
    def is_busy(self) -> bool:
        return self.job is not None or self.given is not None or self.is_leaving

    def run(self) -> None:
        """What the process does from its first breath to its last."""
        signals.worker_process_init.send(sender=self.pool.node.hostname)
        scheduler = self.pool.node.world.scheduler
        limit = self.pool.max_tasks_per_child
        while limit is None or self.completed < limit:
            if self.given is None:
                if self.is_leaving:
                    break
                scheduler.park()
                continue
            (self.job, function, args, kwargs), self.given = self.given, None
            self.pool.tell_parent(ACCEPTED, self, self.job, scheduler.now / SECOND)
            self.fiber.disposable = False
            outcome, leave = self._outcome(function, args, kwargs)
            self.fiber.disposable = True
            job, self.job = self.job, None
            self.completed += 1
            self.pool.tell_parent(DONE, self, job, outcome)
            if leave is not None:
                self._exit(leave)
                return
            if limit is None or self.completed < limit:
                self.pool.offer(self)
        self._exit(None)

    def _outcome(self, function: Any, args: Any, kwargs: Any) -> tuple[tuple[bool, Any], BaseException | None]:
        if function is fast_trace_task:
            kwargs = {**kwargs, "_loc": self.localized}
        try:
            outcome = (True, function(*args, **kwargs))
        except Stuck:
            raise
        except BaseException as error:
            if self.leaves_with is not None:  # an interrupted job has no outcome: its parent finds it lost
                self.die(self.leaves_with)
            outcome = (False, ExceptionInfo())
            if not isinstance(error, Exception):
                return outcome, error
        if outcome[0] and not outcome[1][0]:
            return outcome, None
        try:
            return pickle.loads(pickle.dumps(outcome)), None  # noqa: S301 - our own bytes, as billiard does
        except Exception as error:
            wrapped = MaybeEncodingError(error, outcome[1])
            return (False, ExceptionInfo((MaybeEncodingError, wrapped, error.__traceback__))), None

    def _exit(self, reason: BaseException | None) -> None:
        code = getattr(reason, "code", 0) if isinstance(reason, SystemExit) else int(reason is not None)
        signals.worker_process_shutdown.send(sender=self.pool.node.hostname, pid=self.pid, exitcode=code)
        self.exitcode = code if isinstance(code, int) else 1
        self.process.alive = False
        self.pool.on_child_gone(self)

    def leave(self) -> None:
        """End the process as soon as it has nothing to do; its own code runs to the end."""
        self.is_leaving = True
        self.pool.node.world.scheduler.wake(self.fiber)

    def receive(self, signum: int) -> None:
        """Do what billiard's pool processes do on a signal."""
        if signum == signal.SIGINT:
            return
        if signum == signal.SIGUSR1:
            self._raise_in_task(SoftTimeLimitExceeded(), otherwise=-signum)
        elif signum in TERMINATING and self.leaves_with is None:
            # On its way out it tells its parent, which sends SIGTERM once more.
            self.leaves_with = -signum if signum == TERM_SIGNAL else EX_SOFTWARE
            self._raise_in_task(SystemExit(-(256 - signum)), otherwise=self.leaves_with)
        else:
            self.die(-signum)

    def _raise_in_task(self, error: BaseException, *, otherwise: int) -> None:
        scheduler = self.pool.node.world.scheduler
        if self.job is None:
            self.die(otherwise)
        elif scheduler.current is self.fiber:
            raise error
        else:
            scheduler.throw(self.fiber, error)

    def die(self, exitcode: int) -> None:
        """The process is gone at once; its parent learns of it in its next round."""
        if self.process.alive:
            self.exitcode = exitcode
            self.process.alive = False
            if self.process.attempt is not None:
                self.process.attempt.end(states.REVOKED if self.was_terminated else LOST, at_process=False)
            self.pool.on_child_gone(self)
            self.pool.node.world.scheduler.kill(self.process)


def end_process(process: Any, exitcode: int) -> bool:
    """End the pool process that is running, as `os._exit` would; False if none is."""
    child = getattr(process, "child", None)
    if child is None:
        return False
    child.die(exitcode)
    return True


def signal_process(world: World, pid: int, signum: int) -> bool:
    """Send a signal to a pool process, by its own number or by the real one from inside; False if it is none."""
    child = getattr(world.process, "child", None) if pid == os.getpid() else None
    for node in world.nodes.values():
        child = child or (node.pool and node.pool.child(pid))
    if child is None or (signum == 0 and pid == os.getpid()):
        return False
    if signum:
        child.receive(signum)
    return True
