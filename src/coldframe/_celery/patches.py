"""All reaching into private parts of Celery and its libraries: one function per patched symbol.

Each function patches one symbol for as long as the exit stack is open. `SYMBOLS` lists what is relied upon;
a test checks that each still exists with the expected signature on every supported version of Celery.
"""

from __future__ import annotations

import functools
import itertools
import os
import warnings
from collections.abc import Callable
from contextlib import ExitStack
from threading import get_ident
from typing import TYPE_CHECKING, Any
from uuid import NAMESPACE_OID, uuid3

import billiard.pool
from celery import Celery, bootsteps, result
from celery.app import amqp, trace
from celery.events import dispatcher
from celery.exceptions import CPendingDeprecationWarning
from celery.utils.dispatch import Signal
from celery.worker import worker
from celery.worker.consumer import consumer
from kombu import common, pools

from coldframe._core.moments import SECOND
from coldframe.errors import SetupError

if TYPE_CHECKING:
    from coldframe._celery.world import World

#: module:attribute -> the parameters it must take (None: it is no callable).
SYMBOLS: dict[str, tuple[str, ...] | None] = {
    "billiard.pool:job_counter": None,
    "billiard.pool:Lock": None,
    "celery.app.base:Celery._connection": ("self", "url"),
    "celery.app.amqp:anon_nodename": ("hostname",),
    "celery.app.trace:_localized": None,
    "celery.app.trace:build_tracer": ("name", "task", "loader", "hostname"),
    "celery.app.trace:os": None,
    "celery.events.dispatcher:os": None,
    "celery.worker.consumer.consumer:os": None,
    "celery.worker.worker:os": None,
    "celery.app.trace:fast_trace_task": ("task", "uuid", "request", "body", "content_type", "content_encoding"),
    "celery.app.trace:setup_worker_optimizations": ("app", "hostname"),
    "celery.app.trace:_patched": None,
    "celery.app.base:Celery.send_task": ("self", "name"),
    "celery.bootsteps:Blueprint.claim_steps": ("self",),
    "celery.result:AsyncResult._get_task_meta": ("self",),
    "celery.result:AsyncResult.get": ("self", "timeout"),
    "celery.result:AsyncResult.maybe_throw": ("self", "propagate"),
    "celery.result:ResultSet.join": ("self", "timeout"),
    "celery.result:ResultSet.join_native": ("self", "timeout"),
    "celery.worker.consumer.consumer:Consumer.update_strategies": ("self",),
    "celery.fixups.django:DjangoWorkerFixup.close_database": ("self",),
    "celery.fixups.django:DjangoWorkerFixup._close_database": ("self",),
    "celery.fixups.django:DjangoWorkerFixup.close_cache": ("self",),
    "celery.fixups.django:DjangoWorkerFixup.on_worker_process_init": ("self",),
    "celery.fixups.django:DjangoWorkerFixup.install": ("self",),
    "celery.fixups.django:DjangoWorkerFixup.validate_models": ("self",),
    "celery.fixups.django:DjangoWorkerFixup.django_setup": ("self",),
    "celery._state:_set_task_join_will_block": ("blocks",),
    "celery._state:_tls": None,
    "kombu.common:_imaybe_declare": ("entity", "channel", "retry_policy"),
    "kombu.common:generate_oid": ("node_id", "process_id", "thread_id", "instance"),
    "kombu.pools:_limit": None,
    "kombu.transport:_transport_cache": None,
    "kombu.asynchronous.timer:Timer._enter": ("self", "eta", "priority", "entry"),
    "kombu.asynchronous.hub:Hub._pop_ready": ("self",),
    "kombu.asynchronous.hub:Hub.close": ("self", "args"),
    "kombu.asynchronous.hub:Hub.reset": ("self",),
}

#: The test may read a result's state this often at one moment before each further read costs time.
POLLS_AT_ONE_MOMENT = 16
POLL_COST = SECOND // 1000

MISSING = object()

#: Not empty once Celery's Django fix-up has run the system checks in this process.
VALIDATED: list[bool] = []


def replace(stack: ExitStack, owner: Any, name: str, value: Any) -> Any:
    """Set an attribute until the stack closes; gives what stood there."""
    own = vars(owner).get(name, MISSING)
    before = getattr(owner, name, None)
    stack.callback(_put_back, owner, name, own)
    setattr(owner, name, value)
    return before


def keep(stack: ExitStack, owner: Any, *names: str) -> None:
    """Put attributes back when the stack closes, whatever becomes of them."""
    for name in names:
        stack.callback(_put_back, owner, name, vars(owner).get(name, MISSING))


def keep_contents(stack: ExitStack, mapping: Any) -> None:
    """Put the contents of a mapping (such as the attributes of an object) back when the stack closes."""
    stack.callback(_put_back_contents, mapping, dict(mapping))


def _put_back(owner: Any, name: str, own: Any) -> None:
    if own is not MISSING:
        setattr(owner, name, own)
    elif name in vars(owner):
        delattr(owner, name)


def _put_back_contents(mapping: Any, held: dict[Any, Any]) -> None:
    mapping.clear()
    mapping.update(held)


def patch_job_counter(stack: ExitStack) -> None:
    """billiard numbers jobs per real process, and the number shows in the message of a lost worker."""
    replace(stack, billiard.pool, "job_counter", itertools.count())


def patch_repeated_declarations(stack: ExitStack) -> None:
    """kombu copies and binds a queue at each publish, only to find that it has declared it: here it looks first."""
    declare = common._imaybe_declare

    def declare_once(entity: Any, channel: Any, **retry_policy: Any) -> Any:
        is_open = channel and channel.connection
        may_skip = is_open and entity.can_cache_declaration and not entity.is_bound
        if may_skip and hash(entity) in channel.connection.client.declared_entities:
            return False
        return declare(entity, channel, **retry_policy)

    replace(stack, common, "_imaybe_declare", declare_once)


class Strategies(dict[str, Any]):
    """How a node treats a message of each task: made when the first one comes, and not for all tasks at its start."""

    def __init__(self, node_consumer: Any) -> None:
        super().__init__()
        self._consumer = node_consumer

    def __missing__(self, name: str) -> Any:
        node_consumer = self._consumer
        if name not in node_consumer.app.tasks:
            raise KeyError(name)
        strategy = self[name] = node_consumer.app.tasks[name].start_strategy(node_consumer.app, node_consumer)
        return strategy


def patch_strategies(stack: ExitStack) -> None:
    """Celery makes strategy and tracer of each task whenever a worker connects, which is most of its start."""

    def update_when_needed(self: Any) -> None:
        self.strategies = Strategies(self)

    replace(stack, consumer.Consumer, "update_strategies", update_when_needed)


def patch_object_ids(stack: ExitStack) -> None:
    """kombu names reply queues by the host, the process, the thread and the memory address of an object.

    Here they are numbered as they come. An object keeps its number: replies to another name would be lost.
    """
    known: dict[int, tuple[int, Any]] = {}

    def generate_oid(node_id: int, process_id: int, thread_id: int, instance: Any) -> str:
        number, _ = known.setdefault(id(instance), (len(known) + 1, instance))
        return str(uuid3(NAMESPACE_OID, f"coldframe-{number}"))

    keep(stack, common, "_node_id")
    replace(stack, common, "generate_oid", generate_oid)


class ProcessOs:
    """The module `os` as Celery's own modules see it: each simulated process has a number of its own."""

    def __init__(self, world: World) -> None:
        self._world = world

    def getpid(self) -> int:
        """The number of the process whose code is running."""
        return self._world.process.pid or os.getpid()

    def __getattr__(self, name: str) -> Any:
        return getattr(os, name)


def patch_process_numbers(stack: ExitStack, world: World) -> None:
    """Events, results and remote control tell process numbers, which would be those of the test."""
    for module in (trace, worker, consumer, dispatcher):
        replace(stack, module, "os", ProcessOs(world))


def patch_origin(stack: ExitStack, world: World) -> None:
    """Each message says who sent it, by process number and host, which differ from run to run."""
    replace(stack, amqp, "anon_nodename", lambda: f"gen{world.process.pid}@coldframe")


def keep_thread_primitives(stack: ExitStack, app: Celery) -> None:
    """A worker with an event loop replaces the locks of its app's clock and of billiard's results."""
    stack.callback(setattr, billiard.pool, "Lock", billiard.pool.Lock)
    stack.callback(setattr, app.clock, "mutex", app.clock.mutex)
    stack.callback(setattr, app.clock, "value", app.clock.value)


def patch_boot_order(stack: ExitStack) -> None:
    """Celery boots the steps of a worker in the order of a set, which differs with PYTHONHASHSEED."""

    def claim_steps(self: bootsteps.Blueprint) -> dict[str, Any]:
        return dict(sorted(self.load_step(step) for step in self.types))

    replace(stack, bootsteps.Blueprint, "claim_steps", claim_steps)


def keep_worker_optimizations(stack: ExitStack, app: Celery) -> None:
    """`celery worker` makes its app the default of the process and installs a fast path to its tasks."""
    stack.callback(trace._localized.__setitem__, slice(None), list(trace._localized))
    keep_contents(stack, trace._patched)
    keep(stack, trace.BaseTask, "__call__", "_stackprotected")
    keep(stack, app, "use_fast_trace_task")
    trace.setup_worker_optimizations(app)


def keep_signals(stack: ExitStack, *modules: Any) -> None:
    """Receivers that workers, fix-ups and tests connect while the bench is open go with it."""
    for module in modules:
        for signal in vars(module).values():
            if isinstance(signal, Signal):
                stack.callback(_put_back_receivers, signal, list(signal.receivers))


def _put_back_receivers(signal: Signal, receivers: list[Any]) -> None:
    signal.receivers[:] = receivers
    signal.sender_receivers_cache.clear()


def keep_pool_limit(stack: ExitStack) -> None:
    """kombu's limit of connections is global; so are its groups of pools."""
    stack.callback(pools._limit.__setitem__, 0, pools._limit[0])
    for group in (pools.connections, pools.producers):
        known = dict(group)
        stack.callback(_put_back_pools, group, known)


def _put_back_pools(group: Any, known: dict[Any, Any]) -> None:
    for key in [key for key in group if key not in known]:
        dict.pop(group, key, None)


def let_workers_warn(stack: ExitStack) -> None:
    """A worker that warns of its own settings goes on, also where a test suite turns warnings into errors."""
    stack.enter_context(warnings.catch_warnings())
    warnings.filterwarnings("default", category=CPendingDeprecationWarning, module=r"celery\.worker")


def patch_results(stack: ExitStack, world: World, waiting: list[Any], observed: Callable[[str], None]) -> None:
    """Waiting for a result drives the bench; polling one costs time; reading a failure means knowing of it."""
    _patch_waiting(stack, world, result.AsyncResult, "get", waiting)
    for name in ("join", "join_native"):
        _patch_waiting(stack, world, result.ResultSet, name, waiting)
    _patch_reading(stack, world, observed)


def _patch_waiting(stack: ExitStack, world: World, owner: type, name: str, waiting: list[Any]) -> None:
    original = getattr(owner, name)

    @functools.wraps(original)
    def wait(self: Any, timeout: float | None = None, *args: Any, **kwargs: Any) -> Any:
        if not world.in_test:
            with world.deadlock.waiting(self, timeout):
                return original(self, timeout, *args, **kwargs)
        if self.app not in world.apps:
            raise _not_on_bench(self.app, f"{self!r} can never come")
        waiting.append((self, timeout))
        try:
            return original(self, timeout, *args, **kwargs)
        finally:
            waiting.pop()

    replace(stack, owner, name, wait)


def _patch_reading(stack: ExitStack, world: World, observed: Callable[[str], None]) -> None:
    read_meta = result.AsyncResult._get_task_meta
    maybe_throw = result.AsyncResult.maybe_throw
    polls = [0, -1, -1]

    @functools.wraps(read_meta)
    def get_task_meta(self: result.AsyncResult) -> Any:
        if not world.in_test:
            return read_meta(self)
        meta = read_meta(self)
        state = (meta or {}).get("status")
        if state in result.states.PROPAGATE_STATES:
            observed(self.id)
        elif state not in result.states.READY_STATES:
            scheduler = world.scheduler
            moment = [scheduler.now, scheduler.switches]
            polls[:] = [polls[0] + 1, *moment] if polls[1:] == moment else [1, *moment]
            if polls[0] > POLLS_AT_ONE_MOMENT:
                scheduler.park(POLL_COST)
                polls[:] = [POLLS_AT_ONE_MOMENT, scheduler.now, scheduler.switches]
        return meta

    @functools.wraps(maybe_throw)
    def observing_throw(self: result.AsyncResult, *args: Any, **kwargs: Any) -> Any:
        cached = self._cache
        if world.in_test and cached and cached.get("status") in result.states.PROPAGATE_STATES:
            observed(self.id)
        return maybe_throw(self, *args, **kwargs)

    replace(stack, result.AsyncResult, "_get_task_meta", get_task_meta)
    replace(stack, result.AsyncResult, "maybe_throw", observing_throw)
    for alias, original in (("maybe_reraise", maybe_throw),):
        if getattr(result.AsyncResult, alias, None) is original:
            replace(stack, result.AsyncResult, alias, observing_throw)


def refuse_other_apps(stack: ExitStack, world: World) -> None:
    """An app that was left out would try its real broker, again and again: better say so."""
    send_task = Celery.send_task

    @functools.wraps(send_task)
    def send(self: Celery, name: str, *args: Any, **kwargs: Any) -> Any:
        if self not in world.apps and get_ident() == world.scheduler.thread and _has_server(self):
            raise _not_on_bench(self, f"{name!r} cannot be sent")
        return send_task(self, name, *args, **kwargs)

    replace(stack, Celery, "send_task", send)


def _has_server(app: Celery) -> bool:
    url = app.conf.broker_write_url or app.conf.broker_url or ""
    return not str(url).startswith(("memory", "filesystem"))


def _not_on_bench(app: Celery, what: str) -> SetupError:
    return SetupError(
        f"the app {app.main!r} is not on this bench, so {what}",
        hint="pass it to the bench, too: Bench(app, other); if it is the same app, it was made twice: "
        "look for two Celery(...) calls, or a module that was imported under two names",
    )


def _set_up_unless_ready(fixup: Any) -> None:
    import django
    from django.apps import apps

    if not apps.ready:
        django.setup()


def patch_django_fixup(stack: ExitStack) -> None:
    """Celery's Django fix-up closes connections around each task: here that would be the test's own.

    It also sets Django up and runs the system checks at each start of a worker: once is enough, and setting up
    again would take the test's handlers off the loggers.
    """
    from celery.fixups.django import DjangoWorkerFixup

    validate_models, install = DjangoWorkerFixup.validate_models, DjangoWorkerFixup.install

    def install_until_closed(self: Any) -> Any:
        # It is made anew when it is needed: kept, it would keep its last worker, and more receivers each time.
        for fixup in self.app._fixups:
            if getattr(fixup, "_worker_fixup", None) is self:
                stack.callback(setattr, fixup, "_worker_fixup", None)
        return install(self)

    def leave_open(self: Any, **kwargs: Any) -> None:
        return None

    def validate_once(self: Any) -> None:
        if not VALIDATED:
            VALIDATED.append(True)
            validate_models(self)

    replace(stack, DjangoWorkerFixup, "install", install_until_closed)
    replace(stack, DjangoWorkerFixup, "validate_models", validate_once)
    replace(stack, DjangoWorkerFixup, "django_setup", _set_up_unless_ready)
    for name in ("close_database", "_close_database", "close_cache", "on_worker_process_init"):
        replace(stack, DjangoWorkerFixup, name, leave_open)
