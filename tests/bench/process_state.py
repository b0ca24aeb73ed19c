"""All that a bench could leave behind in a process: taken before and after, the two must be equal."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import random
import selectors
import signal
import socket
import sys
import threading
import time
import uuid
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from types import FunctionType, MethodType
from typing import Any

import billiard.pool
import celery.signals
import kombu.pools
import kombu.transport
from celery import Celery, _state, bootsteps, result
from celery.app import trace
from celery.utils.dispatch import Signal
from celery.worker import state
from kombu.asynchronous import get_event_loop

CONTAINERS = (
    *("requests", "reserved_requests", "active_requests", "successful_requests"),
    *("total_count", "all_total_count", "revoked", "revoked_stamps"),
)
CLOCKS = ("time", "time_ns", "sleep", "monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns", "localtime")


def _contents(value: Any) -> Any:
    """A copy that can be compared: what is in it by identity, and itself by identity."""
    if isinstance(value, dict):
        return id(value), type(value), {key: id(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set)):
        return id(value), type(value), [id(item) for item in value]
    return id(value)


def _attributes(owner: Any) -> dict[str, Any]:
    return {name: _contents(value) for name, value in vars(owner).items()}


def _signals(owner: Any) -> dict[str, list[int]]:
    return {
        name: [id(entry) for entry in value.receivers]
        for name, value in vars(owner).items()
        if isinstance(value, Signal)
    }


def of_app(app: Celery) -> dict[str, Any]:
    """What is the app's own."""
    amqp = app.amqp
    queues = vars(amqp).get("queues")
    app.finalize()
    app.conf.get("broker_url")
    for name in ("tasks", "control", "events", "log", "amqp"):  # an app makes them when they are first asked for
        getattr(app, name)
    return {
        "changes": dict(app.conf.changes),
        "settings": {name: repr(app.conf.get(name)) for name in sorted(app.conf.defaults[0])},
        "attributes": _attributes(app),
        "amqp": _attributes(amqp),
        "queues": None
        if queues is None
        else (
            type(queues),
            dict(queues),
            dict(queues.aliases),
            vars(queues).get("_consume_from"),
            sorted(vars(queues)),
        ),
        "mailbox": _attributes(app.control.mailbox),
        "unclaimed": dict(app.control.mailbox.unclaimed),
        "local": {name: id(value) for name, value in vars(app._local).items()},
        "clock": (app.clock.value, id(app.clock.mutex)),
        "tasks": {name: _attributes(task) for name, task in app.tasks.items()},
        "classes of tasks": {name: _attributes(type(task)) for name, task in app.tasks.items()},
        "signals": _signals(app),
    }


def of_process() -> dict[str, Any]:
    """What all apps of the process share."""
    modules = sys.modules.copy()
    return {
        "current app": id(_state._tls.current_app),
        "default app": id(_state.default_app),
        "task join": _state.task_join_will_block(),
        "signals": _signals(celery.signals),
        "containers": {name: id(getattr(state, name)) for name in CONTAINERS},
        "contents": {name: list(getattr(state, name)) for name in CONTAINERS},
        "captured containers": _captured_containers(modules),
        "transports": dict(kombu.transport.TRANSPORT_ALIASES),
        "transport cache": dict(kombu.transport._transport_cache),
        "pools": (dict(kombu.pools.connections), dict(kombu.pools.producers), list(kombu.pools._limit)),
        "billiard": (id(billiard.pool.Lock), id(billiard.pool.job_counter)),
        "trace": (list(map(id, trace._localized)), dict(trace._patched), id(trace.BaseTask.__call__)),
        "stack protection": getattr(trace.BaseTask, "_stackprotected", None),
        "bootsteps": _attributes(bootsteps.Blueprint),
        "results": (_attributes(result.AsyncResult), _attributes(result.ResultSet), _attributes(Celery)),
        "kombu loop": id(get_event_loop()),
        "clocks": {name: id(getattr(time, name)) for name in CLOCKS},
        "captured clocks": _captured_clocks(modules),
        "datetime": id(datetime),
        "process endings": (id(os._exit), id(os.kill), id(os.abort)),
        "entropy": (id(os.urandom), id(uuid.uuid4), id(uuid.uuid1), id(random.Random.seed), id(random.random)),
        "random": (random.getstate(), vars(uuid)["_node"], vars(uuid)["_last_timestamp"]),
        "sockets": (_attributes(socket.socket), id(socket.getaddrinfo), id(socket.create_connection)),
        "selectors": {name: _attributes(value) for name, value in vars(selectors).items() if isinstance(value, type)},
        "logging": (list(logging.root.handlers), logging.root.level, logging.root.disabled, _loggers()),
        "warnings": list(warnings.filters),
        "asyncio": (id(asyncio.get_event_loop_policy()), id(asyncio._get_running_loop())),
        "executor": id(asyncio.BaseEventLoop.run_in_executor),
        "SIGINT": id(signal.getsignal(signal.SIGINT)),
        "threads": sorted(name for name in _threads() if not name.startswith("pytest")),
        "gc": gc.isenabled(),
        "hooks": (sys.excepthook, sys.getswitchinterval(), sys.gettrace() is None, sys.get_asyncgen_hooks()),
    }


@contextmanager
def nothing_left() -> Iterator[None]:
    """Fail unless the process is what it was before the block."""
    before = of_process()
    yield
    lines = differences(before, of_process())
    # pytest-randomly sets the seed anew between a fixture and its test.
    assert [line for line in lines if not line.startswith("/random")] == []


def _threads() -> list[str]:
    return [thread.name for thread in threading.enumerate()]


def _loggers() -> dict[str, Any]:
    """The loggers that somebody set up; an import makes others, which do nothing."""
    found = {
        name: (logger.level, logger.propagate, list(logger.handlers), logger.disabled)
        for name, logger in logging.root.manager.loggerDict.items()
        if isinstance(logger, logging.Logger)
    }
    return {name: state for name, state in found.items() if state != (logging.NOTSET, True, [], False)}


def _captured_containers(modules: dict[str, Any]) -> list[str]:
    """The modules whose globals and default arguments hold something that stands in for Celery's own."""
    return [
        f"{name}.{key}"
        for name, module in modules.items()
        if name.startswith(("celery", "kombu"))
        for key, value in list(vars(module).items())
        for held in (value, *_defaults(value))
        if str(type(held).__module__).startswith("coldframe")
    ]


def _captured_clocks(modules: dict[str, Any]) -> list[str]:
    """The globals, default arguments and class attributes outside of Coldframe that hold one of its functions."""
    found = []
    for name, module in modules.items():
        if name.startswith(("coldframe", "test_", "tests")) or not hasattr(module, "__dict__"):
            continue
        for key, value in list(vars(module).items()):
            held = [value, *_defaults(value)]
            if issubclass(type(value), type) and value.__module__ == name:
                held += list(vars(value).values())
            found += [f"{name}.{key}" for item in held if _is_ours(item)]
    return found


def _defaults(value: Any) -> tuple[Any, ...]:
    return (value.__defaults__ or ()) if type(value) is FunctionType else ()


OUR_STAND_INS = frozenset({"_Functions", "ProcessEndings", "Forwarding"})


def _is_ours(value: Any) -> bool:
    kind = type(value.__self__) if type(value) is MethodType else type(value)
    return str(kind.__module__).startswith("coldframe") and kind.__name__ in OUR_STAND_INS


def differences(before: Any, after: Any, path: str = "") -> list[str]:
    """Where two states differ, one line each."""
    if isinstance(before, dict) and isinstance(after, dict):
        lines = []
        for key in [*before, *(key for key in after if key not in before)]:
            if key not in before or key not in after:
                lines.append(f"{path}/{key}: {'came' if key in after else 'went'}: {after.get(key, before.get(key))!r}")
            else:
                lines += differences(before[key], after[key], f"{path}/{key}")
        return lines
    if isinstance(before, tuple) and isinstance(after, tuple) and len(before) == len(after):
        return [
            line
            for at, pair in enumerate(zip(before, after, strict=True))
            for line in differences(*pair, f"{path}/{at}")
        ]
    return [] if before == after else [f"{path}: {before!r} became {after!r}"]
