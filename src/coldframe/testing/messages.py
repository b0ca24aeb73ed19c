"""Messages of an older release: whether today's tasks still understand them."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from coldframe._bench.bench import current
from coldframe._bench.message_files import RecordedMessage, read_messages
from coldframe._celery.apps import declared_queues
from coldframe._celery.declared import queues_that_take
from coldframe._celery.payloads import decode_as_worker
from coldframe._looking.bodies import DECOMPRESS
from coldframe._looking.names import nearest_name
from coldframe._looking.wording import call, shorten
from coldframe.errors import Mismatch, hides_frames
from coldframe.testing._project import project_app

if TYPE_CHECKING:
    from celery import Celery

__tracebackhide__ = hides_frames

__all__ = ["RecordedMessage", "check_messages"]

WIDTH = 200


def check_messages(paths: str | Path, *, app: Celery | str | None = None) -> list[RecordedMessage]:
    """Check that today's tasks understand recorded messages: still in the broker when the new release starts.

    Nothing runs. Each message must decode as a worker of the app would decode it, name a task that there is, fit
    its parameters, and go to a queue that the app declares; the tasks that are to follow it (chain, chord, link,
    link_error) must be there, too. `bench.record_messages(path)` writes such files.

    Args:
        paths: The files, as a pattern such as `"tests/messages/*.json"`.
        app: The app or its path; by default that of the open bench, or the project's.

    Returns:
        The messages, all of which fit.

    Raises:
        Mismatch: Some do not, a line for each.
        SetupError: There are no such files, or they hold no messages.
    """
    bench = current()
    chosen = project_app(app) if app is not None or bench is None else bench.app
    messages = read_messages(paths)
    chosen.finalize()
    chosen.loader.import_default_modules()
    broken = [f"{message.source}: {what}" for message in messages if (what := _first_misfit(chosen, message))]
    if broken:
        many = "1 recorded message" if len(messages) == 1 else f"{len(messages)} recorded messages"
        raise Mismatch(
            "\n  ".join([f"{len(broken)} of {many} no longer fit today's tasks:", *broken]),
            hint="such messages may wait in the broker while a new release starts: keep the old name, and let new "
            "parameters have defaults, until the last old message has been read",
        )
    return messages


def _first_misfit(app: Celery, message: RecordedMessage) -> str:
    return next(_misfits(app, message), "")


def _misfits(app: Celery, message: RecordedMessage) -> Iterator[str]:
    """What no longer fits, the worst first."""
    try:
        body = DECOMPRESS.get(message.compression, bytes)(message.body)
        payload = decode_as_worker(app, body, message.content_type, message.content_encoding)
        args, kwargs, embedded = _parts(payload)
    except Exception as error:
        yield f"{message.task} cannot be decoded: {shorten(f'{type(error).__name__}: {error}', WIDTH)}"
        return
    yield from _task_misfits(app, message.task, args, kwargs)
    for role, follower in _followers(embedded):
        yield from (f"{message.task}, its {role}: {what}" for what in _follower_misfits(app, role, follower))
    if not queues_that_take(app, message.exchange, message.routing_key):
        yield f"{message.task} {_route_misfit(app, message)}"


def _parts(payload: Any) -> tuple[tuple[Any, ...], dict[str, Any], dict[str, Any]]:
    if isinstance(payload, dict):  # task message protocol 1
        return tuple(payload["args"]), dict(payload["kwargs"]), {}
    args, kwargs, embedded = payload
    return tuple(args), dict(kwargs), embedded or {}


def _task_misfits(app: Celery, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Iterator[str]:
    if name not in app.tasks:
        near = nearest_name(name, app.tasks)
        yield f"there is no task {name!r} any more" + (f"; did it become {near!r}?" if near else "")
        return
    parameters = inspect.signature(app.tasks[name].run)
    try:
        parameters.bind(*args, **kwargs)
    except TypeError as error:
        today = f"{name.rpartition('.')[2]}{parameters}"
        yield f"{call(name, args, kwargs)} does not fit its parameters: {error} (today it is {today})"


def _followers(embedded: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for role, key in (("callback", "callbacks"), ("errback", "errbacks"), ("next in the chain", "chain")):
        yield from ((role, follower) for follower in embedded.get(key) or ())
    if embedded.get("chord"):
        yield "chord", embedded["chord"]


def _follower_misfits(app: Celery, role: str, follower: dict[str, Any]) -> Iterator[str]:
    name = follower.get("task") or ""
    if name.startswith("celery."):
        return
    args = tuple(follower.get("args") or ())
    if not follower.get("immutable") and role != "errback":
        args = (None, *args)
    if role != "errback" or name not in app.tasks:
        yield from _task_misfits(app, name, args, dict(follower.get("kwargs") or {}))


def _route_misfit(app: Celery, message: RecordedMessage) -> str:
    declared = ", ".join(map(repr, declared_queues(app))) or "none"
    if not message.exchange:
        return f"went to queue {message.routing_key!r}, which the app no longer declares (it declares {declared})"
    key = f"exchange {message.exchange!r} with routing key {message.routing_key!r}"
    return f"went to {key}, where no declared queue is bound (declared: {declared})"
