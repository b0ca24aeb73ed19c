"""Puts an app onto the bench, and puts everything back exactly when the bench closes."""

from __future__ import annotations

import copy
import os
import signal
from contextlib import ExitStack
from threading import get_ident
from typing import TYPE_CHECKING, Any

from celery import _state, signals
from celery.app.amqp import Queues
from celery.utils.dispatch import Signal
from kombu.common import Broadcast
from kombu.utils.uuid import uuid

from coldframe._celery import patches, result_backends, transport
from coldframe._celery.child import end_process, signal_process
from coldframe._celery.patches import replace
from coldframe._celery.world import World
from coldframe.errors import ColdframeError, SetupError

if TYPE_CHECKING:
    from celery import Celery

REAL_EXIT, REAL_KILL, REAL_ABORT = os._exit, os.kill, os.abort

#: What an app's `amqp` makes once of its queues and keeps.
MADE_OF_QUEUES = ("default_queue", "create_task_message", "send_task_message")

#: Settings that take a task past the broker.
EAGER = ("task_always_eager",)


class BenchQueues(Queues):
    """The queues of an app, of which each process consumes those it selected."""

    @property
    def _consume_from(self) -> Any:
        return self.selected.get(_process_key())

    @_consume_from.setter
    def _consume_from(self, queues: Any) -> None:
        self.selected[_process_key()] = queues

    def select(self, include: Any) -> None:
        super().select(include)
        chosen = self._consume_from
        if chosen is not None:
            own = [_own_queue(queue) for queue in chosen.values()]
            self._consume_from = {queue.name: queue for queue in own}


def _own_queue(queue: Any) -> Any:
    """A broadcast queue gets an unpredictable name when its module is imported: each real process has its own."""
    prefix, _, unique = queue.name.rpartition(".")
    if not isinstance(queue, Broadcast) or len(unique) != len(uuid()):
        return queue
    own: Any = copy.copy(queue)
    own.name = own.queue = f"{prefix}.{uuid()}"
    return own


def _process_key() -> Any:
    from coldframe._celery import world

    open_world = world.current()
    return None if open_world is None else id(open_world.process.worker_state)


def put_on_bench(stack: ExitStack, world: World) -> None:
    """Swap broker and result store under every app of the bench, and keep what its processes will change."""
    transport.register()
    stack.callback(transport.unregister)
    current, default = _state._tls.current_app, _state.default_app
    stack.callback(setattr, _state, "default_app", _state.default_app)
    stack.callback(_state._set_current_app, _state._tls.current_app)
    stack.callback(_state._set_task_join_will_block, _state.task_join_will_block())
    patches.patch_job_counter(stack)
    patches.patch_strategies(stack)
    patches.patch_object_ids(stack)
    patches.patch_origin(stack, world)
    patches.patch_boot_order(stack)
    patches.patch_repeated_declarations(stack)
    patches.keep_pool_limit(stack)
    patches.let_workers_warn(stack)
    patches.patch_process_numbers(stack, world)
    patches.keep_signals(stack, signals)
    for app in world.apps:
        try:
            _put_app_on_bench(stack, world, app)
        except (ColdframeError, Warning):
            raise
        except Exception as error:
            raise SetupError(
                f"the app {app.main!r} cannot be put on a bench: {type(error).__name__}: {error}",
                hint="correct the setting or the task that the error names: no real worker would start with it",
            ) from error
    if len(world.apps) > 1:
        _keep_current_app_of_test(world, current, default)


def _keep_current_app_of_test(world: World, current: Any, default: Any) -> None:
    """Each process of a bench with several apps has its own current app; the test's is the one it had."""
    first = world.apps[0]
    chosen = current if current in world.apps else first
    _state._set_current_app(chosen)
    _state.set_default_app(default if default in world.apps else first)
    process: Any = world.scheduler.main.process
    process.app = chosen


def _put_app_on_bench(stack: ExitStack, world: World, app: Celery) -> None:
    app.finalize()
    patches.keep_contents(stack, app.steps)
    patches.keep(stack, app, "oid", "timezone")
    patches.keep_contents(stack, vars(app._local))
    vars(app).pop("oid", None)
    vars(app._local).pop("oid", None)
    patches.keep_worker_optimizations(stack, app)
    patches.keep_thread_primitives(stack, app)
    _keep_settings(stack, app)
    _keep_tasks(stack, app)
    _keep_app_signals(stack, app)
    _swap_broker(stack, world, app)
    result_backends.install(stack, world, app)


def _keep_settings(stack: ExitStack, app: Celery) -> None:
    changes = app.conf.changes
    held = dict(changes)

    def put_back() -> None:
        changes.clear()
        changes.update(held)

    stack.callback(put_back)
    # Whatever they are now: Django's settings may be overridden while the bench is open.
    for setting in EAGER:
        app.conf[setting] = False


def _keep_tasks(stack: ExitStack, app: Celery) -> None:
    """Workers put a tracer on each task, and remote control changes rate and time limits on it."""
    held = {task: dict(vars(task)) for task in app.tasks.values()}

    def put_back() -> None:
        for task, attributes in held.items():
            vars(task).clear()
            vars(task).update(attributes)
        for task in app.tasks.values():
            if task not in held:
                vars(task).pop("__trace__", None)

    stack.callback(put_back)


def _keep_app_signals(stack: ExitStack, app: Celery) -> None:
    for value in vars(app).values():
        if isinstance(value, Signal):
            stack.callback(patches._put_back_receivers, value, list(value.receivers))


def _swap_broker(stack: ExitStack, world: World, app: Celery) -> None:
    def connection(url: Any, transport_options: Any = None, **options: Any) -> Any:
        conf = app.conf
        return app.amqp.Connection(
            f"{transport.SCHEME}://",
            transport=transport.SCHEME,
            failover_strategy=conf.broker_failover_strategy,
            transport_options={**conf.broker_transport_options, **(transport_options or {})},
            connect_timeout=conf.broker_connection_timeout,
        )

    replace(stack, app, "_connection", connection)
    _let_nodes_hear(stack, world, app)
    replace(stack, app, "_pool", None)
    _swap_queues(stack, app.amqp)
    mailbox = app.control.mailbox
    patches.keep_contents(stack, vars(mailbox))
    for name in ("oid", "producer_pool", "reply_queue"):
        vars(mailbox).pop(name, None)
    mailbox.unclaimed = type(mailbox.unclaimed)(mailbox.unclaimed.default_factory)


def _let_nodes_hear(stack: ExitStack, world: World, app: Celery) -> None:
    """A test that revokes or inspects first of all means the workers that run in production anyway."""
    broadcast = app.control.broadcast

    def heard(*args: Any, **kwargs: Any) -> Any:
        world.before_broadcast()
        return broadcast(*args, **kwargs)

    replace(stack, app.control, "broadcast", heard)


def _swap_queues(stack: ExitStack, amqp: Any) -> None:
    """The queues of the bench are a copy: the app's own stay as they are, also if they were changed by hand."""
    attributes = vars(amqp)
    patches.keep_contents(stack, attributes)
    for name in ("router", "_rtable", "_producer_pool", *MADE_OF_QUEUES):
        attributes.pop(name, None)
    queues = copy.copy(attributes.pop("queues", None)) or amqp.queues
    queues.aliases = queues.aliases.copy()
    vars(queues).pop("_consume_from", None)
    queues.__class__ = BenchQueues
    queues.selected = {}
    attributes["queues"] = queues


class ProcessEndings:
    """The calls by which a task ends its own process: on a bench they end the simulated one.

    A real process that a task forks is none of the bench's.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._thread, self._pid = get_ident(), os.getpid()

    def replacements(self) -> list[tuple[Any, Any]]:
        """The real calls, each with what takes its place."""
        return [(os._exit, self.exit_now), (os.kill, self.kill), (os.abort, self.abort)]

    def exit_now(self, status: int) -> None:
        """Do as `os._exit` does."""
        if not self._end(status):
            REAL_EXIT(status)

    def kill(self, pid: int, number: int, /) -> None:
        """Do as `os.kill` does; processes of the bench can be named by their own number, too."""
        if not self._is_here() or not signal_process(self._world, pid, int(number)):
            REAL_KILL(pid, number)

    def abort(self) -> None:
        """Do as `os.abort` does."""
        if not self._end(-signal.SIGABRT):
            REAL_ABORT()

    def _end(self, exitcode: int) -> bool:
        return self._is_here() and end_process(self._world.process, exitcode)

    def _is_here(self) -> bool:
        return get_ident() == self._thread and os.getpid() == self._pid
