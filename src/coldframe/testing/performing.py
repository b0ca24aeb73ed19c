"""One task through the real message path, with what a direct call and eager mode hide."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Any

from coldframe._bench.bench import Bench, current
from coldframe._bench.traceback_text import is_raised_outside_task
from coldframe._celery.payloads import result_as_read, serializer_of, signature_of, there_and_back
from coldframe._core.plain import stable_repr
from coldframe._looking.names import full_name, nearest_name
from coldframe._looking.wording import call, shorten
from coldframe.errors import Mismatch, SetupError, hides_frames
from coldframe.testing._project import project_app

__tracebackhide__ = hides_frames

WIDTH = 60


def perform(task: Any, /, *args: Any, **kwargs: Any) -> Any:
    """Send one task, run it as a worker would, through its retries, and nothing that it sends.

    On the open bench, or else on one of its own with the task's app. The arguments must survive their way, somebody
    must read the queue, and the result must be fit to be stored.

    Example:
        >>> perform(charge, 42)                                # doctest: +SKIP
        'paid 42'
        >>> perform(charge.s(42).set(queue="mail"))            # doctest: +SKIP
        'paid 42'

    Args:
        task: The task, its name, or a signature, which may hold options.
        args: Its arguments.
        kwargs: Its keyword arguments.

    Returns:
        Its result, as somebody reads it who asks for it.

    Raises:
        Mismatch: Something would not survive, or nobody would run it.
        BaseException: What the task raised.
    """
    bench = current()
    if isinstance(task, str):
        task = _task_named(task, bench)
    signature = signature_of(task, args, kwargs)
    if bench is not None:
        return _perform_on(bench, signature)
    with Bench(signature.app, failures="collect", unread="collect") as own:
        return _perform_on(own, signature)


def _task_named(name: str, bench: Bench | None) -> Any:
    app = bench.app if bench is not None else project_app()
    found = full_name(name, app.tasks)
    if found is None:
        near = nearest_name(name, app.tasks)
        raise SetupError(
            f"there is no task {name!r}", hint=f"did you mean {near!r}?" if near else "pass the task itself"
        )
    return app.tasks[found]


def _perform_on(bench: Bench, signature: Any) -> Any:
    _check_arguments(signature)
    result = signature.apply_async()
    run = bench.finish(result)
    if run is None:
        raise _never_ran(bench, signature.task, result.id)
    if run.state == "SUCCESS":
        return result_as_read(signature.type, run.result)
    if run.state == "IGNORED":
        return None
    if run.exception is None or run.state in ("RETRY", "REVOKED", "LOST"):
        raise Mismatch(
            f"{run!r} came to no end that has a result",
            hint="bench.timeline() tells what happened; expires, revoke, Reject and lost processes end a task so",
        )
    if type(run.exception).__name__ == "EncodeError" and is_raised_outside_task(run.traceback or ""):
        raise Mismatch(
            f"the result of {call(run.task, run.args, run.kwargs)} cannot be stored: {run.exception}",
            hint="return JSON-safe values: an id instead of an object, a list instead of a set; or ignore_result=True",
        ) from run.exception
    raise run.exception


def _never_ran(bench: Bench, task: str, task_id: str) -> Mismatch:
    message = next((message for message in bench.queued() if message.task_id == task_id), None)
    if message is None:
        return Mismatch(
            f"task {task} was sent, and no queue took it",
            hint="bind a queue to its routing key (task_queues), or correct task_routes",
        )
    return Mismatch(
        f"task {task} was sent to queue {message.queue!r}, which no node reads",
        hint="correct the route (queue=..., task_routes), declare the queue (task_queues), or perform it on a bench "
        f"with a node that reads it: bench.node('{message.queue}', queues=['{message.queue}'])",
    )


# --- arguments ---------------------------------------------------------------------------------------------


def _check_arguments(signature: Any) -> None:
    given = {**{str(index): value for index, value in enumerate(signature.args)}, **signature.kwargs}
    serializer = serializer_of(signature)
    changes: list[str] = []
    for name, value in given.items():
        where = f"args[{name}]" if name.isdigit() else name
        changes.extend(_pitfalls(value, where, serializer))
    if changes:
        shown = call(signature.task, signature.args, signature.kwargs)
        raise Mismatch(
            "\n  ".join([f"the arguments of {shown} do not survive their way through the broker:", *changes]),
            hint="pass what comes back as it was: ids instead of objects, lists instead of tuples and sets, "
            "string keys",
        )


def _pitfalls(value: Any, where: str, serializer: str) -> Iterator[str]:
    models = list(_models(value, where))
    if models:
        yield from (f"{place} is the model instance {_shown(one)}: pass its pk, and load it" for place, one in models)
        return
    try:
        back = there_and_back(value, serializer)
    except Exception as error:
        place, culprit = _culprit(value, where, serializer)
        yield f"{place} is {_shown(culprit)}, which cannot be serialized: {error}"
        return
    yield from _changes(value, back, where)


def _models(value: Any, where: str) -> Iterator[tuple[str, Any]]:
    if "django.db.models" not in sys.modules:
        return
    from django.db.models import Model

    if isinstance(value, Model):
        yield where, value
    for place, item in _items(value, where):
        yield from _models(item, place)


def _items(value: Any, where: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        yield from ((f"{where}[{stable_repr(key)}]", item) for key, item in value.items())
    elif isinstance(value, list | tuple):
        yield from ((f"{where}[{index}]", item) for index, item in enumerate(value))


def _culprit(value: Any, where: str, serializer: str) -> tuple[str, Any]:
    """The innermost part that cannot be serialized."""
    for place, item in _items(value, where):
        try:
            there_and_back(item, serializer)
        except Exception:
            return _culprit(item, place, serializer)
    return where, value


def _changes(value: Any, back: Any, where: str) -> Iterator[str]:
    if isinstance(value, Mapping) and isinstance(back, Mapping):
        lost = [key for key in value if key not in back]
        for key in lost:
            changed = f" as {_shown(str(key))}" if str(key) in back else " as another key"
            yield f"{where}: the key {_shown(key)} comes back{changed}"
        for key, item in value.items():
            if key in back:
                yield from _changes(item, back[key], f"{where}[{stable_repr(key)}]")
    elif isinstance(value, list) and isinstance(back, list) and len(value) == len(back):
        for index, (item, other) in enumerate(zip(value, back, strict=True)):
            yield from _changes(item, other, f"{where}[{index}]")
    elif _is_changed(value, back):
        yield f"{where}: {_kind(value)} comes back as {_kind(back)}"


def _is_changed(value: Any, back: Any) -> bool:
    if isinstance(value, tuple | set | frozenset | Enum) and type(value) is not type(back):
        return True
    return bool(value == value and value != back)


def _kind(value: Any) -> str:
    return f"the {type(value).__name__} {_shown(value)}"


def _shown(value: Any) -> str:
    return shorten(stable_repr(value), WIDTH)
