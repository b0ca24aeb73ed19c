"""The pool of a node: prefork as its parent process sees it, with simulated child processes.

Jobs are billiard's own `ApplyResult`, so that Celery's request gets its callbacks the way a real pool calls
them. What is simulated is the fork: a child is a fiber in a process of its own, and its death is real.
"""

from __future__ import annotations

import marshal
import pickle
import signal
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from billiard.common import TERM_SIGNAL, human_status
from billiard.einfo import ExceptionInfo
from billiard.exceptions import SoftTimeLimitExceeded, TimeLimitExceeded, WorkerLostError
from billiard.pool import ApplyResult
from celery import signals
from celery.concurrency.base import BasePool

from coldframe._celery.child import ACCEPTED, Child, Job
from coldframe._celery.transport import VirtualSocket
from coldframe._core.events import NodeChanged
from coldframe._core.moments import SECOND

if TYPE_CHECKING:
    from coldframe._celery.node import Node


def over_the_pipe(value: Any) -> Any:
    """A copy of a value as it arrives in another process."""
    try:
        return marshal.loads(marshal.dumps(value))  # noqa: S302 - our own bytes
    except ValueError:
        return pickle.loads(pickle.dumps(value))  # noqa: S301 - our own bytes, as billiard does


#: How long a process that is over its hard limit may take to leave by itself, as billiard has it.
TERM_PATIENCE_S = 0.1


class Pool(BasePool):
    """The pool class of every node; `node` is set by the node that instantiates it."""

    node: Node
    uses_semaphore = True
    task_join_will_block = True

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.children: list[Child] = []
        self.idle: deque[Child] = deque()
        self.inbox: deque[Job] = deque()
        self.cache: dict[int, ApplyResult] = {}
        self.timeout = options.get("timeout")
        self.soft_timeout = options.get("soft_timeout")
        self.max_tasks_per_child = options.get("maxtasksperchild")
        self.semaphore = options.get("semaphore")
        self._outbox: deque[tuple[str, Child, ApplyResult, Any]] = deque()
        self._dead: deque[Child] = deque()
        self._timers: dict[int, Any] = {}
        self._processes = self.limit

    # --- what the worker asks of a pool -----------------------------------------------------------------

    def on_start(self) -> None:
        world = self.node.world
        self.socket = VirtualSocket(world.next_socket(), lambda: bool(self._outbox or self._dead), is_pipe=True)
        self._repopulate()

    def register_with_event_loop(self, hub: Any) -> None:
        hub.add_reader(self.socket, self.handle_messages)

    def on_apply(
        self,
        target: Callable[..., Any],
        args: Any,
        kwargs: Any,
        *,
        soft_timeout: float | None = None,
        timeout: float | None = None,
        waitforslot: bool | None = None,
        **options: Any,
    ) -> ApplyResult | None:
        if self._state != self.RUN:
            return None
        job = ApplyResult(
            self.cache,
            soft_timeout=soft_timeout or self.soft_timeout,
            timeout=timeout or self.timeout,
            on_timeout_set=self._set_time_limits,
            on_timeout_cancel=self._cancel_time_limits,
            **options,
        )
        self._hand_out((job, target, over_the_pipe(args), kwargs))
        return job

    def offer(self, child: Child) -> None:
        """A child is free: it gets the next job, or waits for one."""
        if self.inbox:
            child.given = self.inbox.popleft()
        else:
            self.idle.append(child)

    def _hand_out(self, entry: Job) -> None:
        if not self.idle:
            self.inbox.append(entry)
            return
        child = self.idle.popleft()
        child.given = entry
        self.node.world.scheduler.wake(child.fiber)

    def terminate_job(self, pid: int, signum: int | None = None) -> None:
        child = self.child(pid)
        if child is None:
            return
        child.was_terminated = True
        child.receive(int(signum or TERM_SIGNAL))

    def grow(self, n: int = 1) -> None:
        self._processes += n
        for _ in range(n):
            if self.semaphore is not None:
                self.semaphore.grow()
        self._repopulate()

    def shrink(self, n: int = 1) -> None:
        inactive = [child for child in self.children if not child.is_busy]
        if len(inactive) < n:
            raise ValueError("Can't shrink pool. All processes busy!")
        for child in inactive[:n]:
            self._processes -= 1
            if self.semaphore is not None:
                self.semaphore.shrink()
            child.leave()

    def restart(self) -> None:
        for child in [child for child in self.children if not child.is_busy]:
            child.die(0)

    def flush(self) -> None:
        """Forget the jobs that no child has begun: their messages come back."""
        for job, *_ in self.inbox:
            job.discard()
        self.inbox.clear()
        for child in self.children:
            if child.given is not None:
                child.given[0].discard()
                child.given = None
                self.idle.append(child)

    def on_stop(self) -> None:
        """Warm shutdown: children finish what they have, the parent handles what they say."""
        self._state = self.CLOSE
        scheduler = self.node.world.scheduler
        fiber = scheduler.current
        self.socket.on_readable = lambda: scheduler.wake(fiber)
        while self.cache and self.children:
            self.handle_messages()
            if self.cache:
                self._wait_with_timers()
        self.node.run_pending_acks()
        for child in self.children:
            child.leave()
        while self.children:
            scheduler.park()
            self.handle_messages()
        self.on_terminate()

    def on_terminate(self) -> None:
        for child in list(self.children):
            child.process.alive = False
            self.node.world.scheduler.kill(child.process)
        self.children.clear()
        self.cache.clear()

    def _wait_with_timers(self) -> None:
        hub = self.node.hub
        hub.fire_timers()
        self.node.run_pending_acks()
        if self._outbox or self._dead:
            return
        queue = hub.timer._queue
        scheduler = self.node.world.scheduler
        scheduler.park(max(1, round(queue[0].eta * SECOND) - scheduler.now) if queue else None)

    def did_start_ok(self) -> bool:
        return True

    def maintain_pool(self, *args: Any, **kwargs: Any) -> None:
        self.handle_messages()

    @property
    def num_processes(self) -> int:
        return int(self._processes)

    @property
    def busy(self) -> bool:
        """Whether any job has not been brought to its end."""
        return bool(self.cache)

    def _get_info(self) -> dict[str, Any]:
        info = super()._get_info()
        info.update(
            {
                "processes": [child.pid for child in self.children],
                "max-tasks-per-child": self.max_tasks_per_child or "N/A",
                "put-guarded-by-semaphore": self.putlocks,
                "timeouts": (self.soft_timeout or 0, self.timeout or 0),
                "writes": "N/A",
            }
        )
        return info

    # --- children ---------------------------------------------------------------------------------------

    def tell_parent(self, what: str, child: Child, job: ApplyResult, payload: Any) -> None:
        self._outbox.append((what, child, job, payload))
        self.socket.notify()

    def on_child_gone(self, child: Child) -> None:
        if child in self.idle:
            self.idle.remove(child)
        self._dead.append(child)
        self.socket.notify()

    def handle_messages(self) -> None:
        """What the parent reads from its children: acceptances, results, and that one is gone."""
        while self._outbox:
            what, child, job, payload = self._outbox.popleft()
            if what == ACCEPTED:
                job._ack(None, payload, child.pid, None)
                continue
            if not job.ready() and self.semaphore is not None:
                self.semaphore.release()
            job._set(None, payload)
        while self._dead:
            self._reap(self._dead.popleft())

    def _reap(self, child: Child) -> None:
        if child not in self.children:
            return
        self.children.remove(child)
        job = child.job
        if job is not None and not job.ready():
            if child.was_terminated:
                job._set_terminated(child.exitcode)
            else:
                self.node.note(NodeChanged, "pool process lost", human_status(child.exitcode))
                self._mark_lost(job, child.exitcode)
        if job is not None and self.semaphore is not None:
            self.semaphore.release()
        self._repopulate()
        if child.given is not None:
            self._hand_out(child.given)

    def _mark_lost(self, job: ApplyResult, exitcode: int | None) -> None:
        try:
            raise WorkerLostError(f"Worker exited prematurely: {human_status(exitcode)} Job: {job._job}.")
        except WorkerLostError:
            job._set(None, (False, ExceptionInfo()))

    def _repopulate(self) -> None:
        if self._state in (self.CLOSE, self.TERMINATE):
            return
        while len(self.children) < self._processes:
            signals.worker_before_create_process.send(sender=self)
            taken = {child.number for child in self.children}
            number = next(n for n in range(1, self._processes + 1) if n not in taken)
            child = Child(self, number)
            self.children.append(child)
            self.offer(child)

    def child(self, pid: int | None) -> Child | None:
        return next((child for child in self.children if child.pid == pid), None)

    # --- time limits ------------------------------------------------------------------------------------

    def _set_time_limits(self, job: ApplyResult, soft: float | None, hard: float | None) -> None:
        if not self.node.enforces_time_limits:
            return
        call_later = self.node.hub.call_later
        if soft:
            self._timers[job._job] = call_later(soft, self._on_soft_limit, job, soft, hard)
        elif hard:
            self._timers[job._job] = call_later(hard, self._on_hard_limit, job)

    def _cancel_time_limits(self, job: ApplyResult) -> None:
        timer = self._timers.pop(job._job, None)
        if timer is not None:
            timer.cancel()

    def _on_soft_limit(self, job: ApplyResult, soft: float, hard: float | None) -> None:
        self._timers.pop(job._job, None)
        child = self.child(job._worker_pid)
        if child is None or job.ready():
            return
        if hard:
            self._timers[job._job] = self.node.hub.call_later(hard - soft, self._on_hard_limit, job)
        job.handle_timeout(soft=True)
        self.node.world.scheduler.throw(child.fiber, SoftTimeLimitExceeded())

    def _on_hard_limit(self, job: ApplyResult) -> None:
        self._timers.pop(job._job, None)
        if job.ready():
            return
        child = self.child(job._worker_pid)
        try:
            raise TimeLimitExceeded(job._timeout)
        except TimeLimitExceeded:
            job._set(None, (False, ExceptionInfo()))
        job.handle_timeout(soft=False)
        if child is not None:
            self.node.on_time_limit(child)
            child.receive(signal.SIGTERM)
            self.node.hub.call_later(TERM_PATIENCE_S, child.die, -signal.SIGKILL)
