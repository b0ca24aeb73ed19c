"""What becomes of values on their way through a message or a result store, and how messages find their queue."""

from __future__ import annotations

import copy
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from unittest.mock import NonCallableMock, sentinel

from celery.backends.base import DisabledBackend
from celery.result import AsyncResult, EagerResult, ResultBase
from celery.utils.time import maybe_make_aware, rate
from kombu import serialization
from kombu.utils import json as kombu_json

from coldframe._celery.patches import keep_contents

if TYPE_CHECKING:
    from celery import Celery, Task

#: Results of tasks are stored as references to them.
RESULTS = (AsyncResult, EagerResult, ResultBase)


@dataclass(frozen=True, slots=True)
class Changed:
    """A value arrives as another one."""

    where: str
    sent: Any
    arrives: Any


@dataclass(frozen=True, slots=True)
class Stopped:
    """A value cannot be carried at all."""

    error: Exception


def argument_fate(app: Celery, args: Any, kwargs: Any, serializer: str | None = None) -> Changed | Stopped | None:
    """What becomes of the arguments of a task; None when they arrive as they are."""
    sent = (list(args or ()), dict(kwargs or {}))
    arrived = _carried(sent, serializer or app.conf.task_serializer)
    if isinstance(arrived, Stopped):
        return arrived
    for number, (one, other) in enumerate(zip(sent[0], arrived[0], strict=True)):
        if found := _difference(one, other, f"argument {number + 1}"):
            return found
    for name, one in sent[1].items():
        if found := _difference(one, arrived[1].get(name), f"argument {name!r}"):
            return found
    return None


def result_fate(app: Celery, value: Any) -> Changed | Stopped | None:
    """What becomes of the result of a task in the result store; None when it comes back as it is."""
    if isinstance(value, RESULTS):
        return None
    arrived = _carried(value, app.conf.result_serializer)
    return arrived if isinstance(arrived, Stopped) else _difference(value, arrived, "the result")


def carry_mocks(stack: ExitStack) -> None:
    """Let JSON carry mocks as they are until the stack closes: they stand for values that it would carry."""
    stood_for: dict[int, Any] = {}

    def encode(value: Any) -> int:
        stood_for[id(value)] = value
        return id(value)

    keep_contents(stack, kombu_json._encoders)
    keep_contents(stack, kombu_json._decoders)
    kinds: tuple[type[Any], ...] = (NonCallableMock, type(sentinel.any))
    for number, kind in enumerate(kinds):
        kombu_json.register_type(kind, f"coldframe-mock-{number}", encode, stood_for.__getitem__)


def _carried(value: Any, serializer: str) -> Any:
    try:
        with ExitStack() as stack:
            carry_mocks(stack)
            content_type, encoding, data = serialization.dumps(value, serializer)
            return serialization.loads(data, content_type, encoding, accept=[content_type])
    except Exception as error:
        return Stopped(error)


def _difference(sent: Any, arrives: Any, where: str) -> Changed | None:
    """The first place at which a value arrives as another one; what is equal and alike is the same."""
    if isinstance(sent, dict) and isinstance(arrives, dict):
        if [type(key) for key in sent] != [type(key) for key in arrives] or list(sent) != list(arrives):
            return Changed(where, sent, arrives)
        found = (_difference(sent[key], arrives[key], f"{where}[{key!r}]") for key in sent)
    elif isinstance(sent, list) and isinstance(arrives, list) and len(sent) == len(arrives):
        pairs = enumerate(zip(sent, arrives, strict=True))
        found = (_difference(one, other, f"{where}[{index}]") for index, (one, other) in pairs)
    elif (type(sent) is type(arrives) and _equal(sent, arrives)) or (
        isinstance(sent, (str, int, float)) and type(arrives) in (str, int, float) and _equal(sent, arrives)
    ):
        return None
    else:
        return Changed(where, sent, arrives)
    return next((change for change in found if change is not None), None)


def _equal(one: Any, other: Any) -> bool:
    try:
        return bool(one == other)
    except Exception:
        return False


@dataclass(frozen=True, slots=True)
class Route:
    """Where a message goes: the queue, or None where only an exchange is known; and what sends it there."""

    queue: str | None
    because: str


def route_of(app: Celery, task: Task, args: Any, kwargs: Any, options: dict[str, Any]) -> Route:
    """Where the router of an app would send a call, without leaving a trace in the app."""
    attributes = vars(app.amqp)
    held = dict(attributes)
    try:
        return _route_of(app, task, args, kwargs, options)
    finally:
        attributes.clear()
        attributes.update(held)


def _route_of(app: Celery, task: Task, args: Any, kwargs: Any, options: dict[str, Any]) -> Route:
    queues = copy.copy(app.amqp.queues)
    queues.aliases = queues.aliases.copy()
    asked = {key: options[key] for key in ("queue", "exchange", "routing_key") if options.get(key) is not None}
    router = app.amqp.Router(queues)
    chosen = router.route(dict(asked), task.name, args, kwargs, task)
    queue = chosen.get("queue")
    name = getattr(queue, "name", queue) or None
    if asked:
        because = ", ".join(f"{key}={getattr(value, 'name', value)!r}" for key, value in asked.items())
    elif name != app.conf.task_default_queue:
        because = "task_routes"
    else:
        because = "the default queue"
    return Route(name, because)


def has_result_store(app: Celery) -> bool:
    """Whether an app keeps results at all."""
    return not isinstance(app.backend, DisabledBackend)


def seconds_until(app: Celery, when: Any) -> float:
    """How far off a moment is that was given as `eta` or `expires`: negative when it is past."""
    if isinstance(when, str):
        when = datetime.fromisoformat(when)
    if isinstance(when, datetime):
        return float((maybe_make_aware(when, app.timezone) - maybe_make_aware(app.now(), app.timezone)).total_seconds())
    return float(when)


def seconds_between(rate_limit: Any) -> float:
    """How long a worker waits between two runs of a task with a rate limit; 0 when it has none."""
    per_second = rate(rate_limit)
    return 1 / per_second if per_second else 0.0
