"""A node: Celery's real WorkController and Consumer over the simulated hub, pool and broker."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from celery import signals
from celery.app import trace
from celery.exceptions import WorkerShutdown
from celery.worker import WorkController
from kombu.asynchronous import get_event_loop, set_event_loop
from kombu.asynchronous.timer import Timer
from kombu.serialization import prepare_accept_content

from coldframe._celery.child import Child
from coldframe._celery.hub import Hub, make_exact
from coldframe._celery.pool import Pool
from coldframe._celery.stores import Stores
from coldframe._celery.tracer import LOST
from coldframe._celery.worker_state import WorkerState
from coldframe._celery.world import CeleryProcess, World
from coldframe._core.events import Event, NodeChanged
from coldframe.errors import ColdframeError, SetupError

if TYPE_CHECKING:
    from celery import Celery

logger = logging.getLogger(__name__)

#: Pools that run tasks in processes that can be killed; the others enforce no time limits.
PREFORK = "prefork"
POOLS = (PREFORK, "threads", "solo")

DEFAULT_CONCURRENCY = 4


def configured_concurrency(app: Celery) -> int:
    """How many pool processes the app's settings ask for."""
    configured = app.conf.worker_concurrency
    return configured if isinstance(configured, int) and configured > 0 else DEFAULT_CONCURRENCY


def check_node(app: Celery, name: str, *, queues: Iterable[str], concurrency: int | None, pool: str) -> None:
    """Refuse a node that could not start.

    Raises:
        SetupError: The queue is not declared and must be, or there is no such pool or concurrency.
    """
    undeclared = [queue for queue in queues if queue not in app.amqp.queues and queue not in app.amqp.queues.aliases]
    if undeclared and not app.conf.task_create_missing_queues:
        raise SetupError(
            f"node {name!r} cannot read queue {undeclared[0]!r}, which the app does not declare",
            hint="add it to task_queues, or let Celery declare it: task_create_missing_queues=True; "
            f"declared are: {', '.join(map(repr, app.amqp.queues))}",
        )
    if pool not in POOLS:
        raise SetupError(
            f"node {name!r} cannot have a pool {pool!r}",
            hint=f"a bench knows {', '.join(map(repr, POOLS))}; tasks of gevent and eventlet pools run on 'threads'",
        )
    if concurrency is not None and not (isinstance(concurrency, int) and concurrency > 0):
        raise SetupError(
            f"node {name!r} cannot have {concurrency!r} pool processes",
            hint="give a whole number above zero, or leave concurrency out",
        )


class Worker(WorkController):
    """The worker that a node runs: what `celery worker` adds to WorkController, without its process-wide parts."""

    node: Node
    #: The error that ended it, if one did; Celery only logs it.
    ended_by: Exception | None = None

    def start(self) -> None:
        begin = self.blueprint.start

        def start_noting_errors(parent: Any) -> None:
            try:
                begin(parent)
            except Exception as error:
                self.ended_by = error
                raise

        self.blueprint.start = start_noting_errors
        super().start()

    def on_before_init(self, **options: Any) -> None:
        signals.celeryd_init.send(sender=self.hostname, instance=self, conf=self.app.conf, options=options)

    def on_after_init(self, purge: bool = False, **options: Any) -> None:
        self.purge = purge

    def on_start(self) -> None:
        super().on_start()
        signals.celeryd_after_setup.send(sender=self.hostname, instance=self, conf=self.app.conf)
        if self.purge:
            self.app.control.purge()

    def on_consumer_ready(self, consumer: Any) -> None:
        self.node.on_ready()
        signals.worker_ready.send(sender=consumer)

    @property
    def state(self) -> Any:
        return self.node.state


class NodeState:
    """What Celery's worker reads as its module `state`: this node's containers, the module's functions."""

    def __init__(self, containers: WorkerState, module: Any) -> None:
        self._module = module
        self.__dict__.update(vars(containers))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._module, name)


class Node:
    """One simulated worker.

    Args:
        world: The bench that it lives in.
        app: The app whose tasks it runs.
        name: Its name on the bench; the host name becomes `name@coldframe`.
        queues: The queues that it reads.
        concurrency: How many pool processes it has.
        pool: `prefork`, or a pool without time limits (`threads`, `solo`).
        options: More options of Celery's worker, such as `prefetch_multiplier`.
    """

    def __init__(
        self,
        world: World,
        app: Celery,
        name: str,
        *,
        queues: tuple[str, ...],
        concurrency: int,
        pool: str = PREFORK,
        options: dict[str, Any] | None = None,
    ) -> None:
        self.world = world
        self.app = app
        self.name = name
        self.hostname = name if "@" in name else f"{name}@coldframe"
        self.queues = queues
        self.concurrency = 1 if pool == "solo" else concurrency
        self.pool_kind = pool
        self.enforces_time_limits = pool == PREFORK
        self.options = {"without_gossip": True, "without_mingle": True, "without_heartbeat": True, **(options or {})}
        self.current_app = app if len(world.apps) > 1 else None
        self.containers = WorkerState()
        self.process = CeleryProcess(
            name,
            pid=world.next_pid(),
            app=self.current_app,
            joins_block=True,
            worker_state=self.containers,
            stores=Stores(world.apps),
        )
        self.is_ready = False
        self.localized: list[Any] = []
        self.worker: Any = None
        self.hub: Hub
        world.nodes[name] = self
        world.made.append(self)
        world.scheduler.spawn(self.process, self._run)

    def again(self) -> Node:
        """A new node like this one, which is gone: what a supervisor starts."""
        return Node(
            self.world,
            self.app,
            self.name,
            queues=self.queues,
            concurrency=self.concurrency,
            pool=self.pool_kind,
            options=self.options,
        )

    def release(self) -> None:
        """Let go of the worker: a task that died in the middle stays in memory, and holds its node."""
        if self.pool is not None:
            self.pool.__dict__.clear()
        self.worker = None
        self.localized.clear()
        self.containers = self.process.worker_state = WorkerState()
        for name in ("hub", "state"):
            vars(self).pop(name, None)

    @property
    def alive(self) -> bool:
        return self.process.alive

    @property
    def pool(self) -> Pool | None:
        return self.worker.pool if self.worker is not None else None

    @property
    def busy(self) -> bool:
        """Whether it is starting, is about to connect again, or has a job that has not come to its end."""
        if not self.alive:
            return False
        is_cut_off = not (self.world.broker.is_down or self.connections())
        return not self.is_ready or is_cut_off or (self.pool is not None and self.pool.busy)

    def note(self, event: type[NodeChanged], change: str, detail: str = "") -> Event:
        recorded = event(self.world.scheduler.now, self.name, change, detail)
        self.world.trace.append(recorded)
        return recorded

    # --- its life ---------------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            self._work()
            if self.worker.ended_by is not None and not self.is_ready:
                raise self.worker.ended_by
        except ColdframeError:
            raise
        except Exception as error:
            raise SetupError(
                f"node {self.name!r} cannot start: {type(error).__name__}: {error}",
                hint="correct the setting or the option of bench.node() that the error names: a real worker would "
                "not start with it either",
            ) from error
        finally:
            self.process.alive = False
            if self.world.nodes.get(self.name) is self:
                del self.world.nodes[self.name]
        self.note(NodeChanged, "stopped", repr(self.worker.ended_by) if self.worker.ended_by else "")

    def _work(self) -> None:
        from celery.worker import state

        self.state = NodeState(self.containers, state)
        self.localized = [prepare_accept_content(self.app.conf.accept_content), self.hostname]
        self.hub = Hub(Timer(), self.world)
        before = get_event_loop()
        set_event_loop(self.hub)
        try:
            pool_class = type("Pool", (Pool,), {"node": self})
            worker_class = type("Worker", (Worker,), {"node": self})
            self.worker = worker_class(
                app=self.app,
                hostname=self.hostname,
                queues=list(self.queues),
                concurrency=self.concurrency,
                pool=pool_class,
                use_eventloop=True,
                **self.options,
            )
        finally:
            set_event_loop(before)
        self.hub.timer = self.worker.timer
        make_exact(self.worker.timer, self.world)
        self.worker.start()

    def on_ready(self) -> None:
        if not self.is_ready:
            self.is_ready = True
            self.note(NodeChanged, "up")

    def stop(self) -> None:
        """Warm shutdown, as on SIGTERM: running tasks are finished, nothing new is begun."""

        def shut_down() -> None:
            signals.worker_shutting_down.send(sender=self.hostname, sig="SIGTERM", how="Warm", exitcode=0)
            raise WorkerShutdown(0)

        self.hub.call_soon(shut_down)

    def kill(self) -> None:
        """The whole node dies at once; the broker sees its connections go."""
        self.note(NodeChanged, "killed")
        for attempt in self.running():
            attempt.end(LOST, at_process=False)
        scheduler = self.world.scheduler
        children = [] if self.pool is None else list(self.pool.children)
        for connection in self.connections():
            connection.drop()
        self.world.nodes.pop(self.name, None)
        for child in children:
            if child.process is not self.world.process:
                scheduler.kill(child.process)
        scheduler.kill(self.process)
        for child in children:
            scheduler.kill(child.process)

    def disconnect(self) -> None:
        """Its connections to the broker are cut; the node lives on and connects again."""
        if not self.connections():
            raise SetupError(
                f"node {self.name!r} is not connected to the broker", hint="let it start first: bench.settle()"
            )
        self.note(NodeChanged, "disconnected")
        for connection in self.connections():
            connection.cut()
        self.hub.wake()

    def connections(self) -> list[Any]:
        """The broker's side of every connection that this node's own process holds."""
        return [link for link in self.world.broker.connections if link.owner == self.name and link.alive]

    def running(self) -> list[Any]:
        children = [] if self.pool is None else self.pool.children
        return [child.process.attempt for child in children if child.process.attempt is not None]

    def on_time_limit(self, child: Child) -> None:
        """A task outlived its hard limit: its pool process is about to be killed."""
        attempt = child.process.attempt
        if attempt is not None:
            from billiard.exceptions import TimeLimitExceeded

            attempt.end("FAILURE", exception=TimeLimitExceeded(child.job and child.job._timeout), at_process=False)

    def run_pending_acks(self) -> None:
        """During a warm shutdown nobody else runs the acks that finished jobs have queued."""
        for callback in self.hub._pop_ready():
            callback()


def prepare_app(app: Celery) -> None:
    """Do to an app what `celery worker` does before it starts."""
    trace.setup_worker_optimizations(app)
