"""The Celery project that the conformance scenarios run: its app, its tasks, and what its tasks observe.

The same code runs in real worker processes and on the bench. Whatever happens is told to `observe`, which
hands it to the sink: a file that all processes append to, or a list on the bench. The id of a task is the
label that a scenario gave it, so that observations can be read.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from celery import Celery, Task, current_task, signals

NEVER_IN_A_SCENARIO = 3600
# A worker that is killed while it looks for messages to restore keeps all others from it until its mutex expires.
QUICK_RESTORE = {"unacked_restore_interval": 0.1, "unacked_restore_throttle": 1, "unacked_mutex_expire": 1}

Record = dict[str, Any]
Sink = Callable[[Record], None]


@dataclass(frozen=True, slots=True)
class Declared:
    """A task of the project before there is an app to register it on."""

    body: Callable[..., Any]
    options: Mapping[str, Any]


DECLARED: dict[str, Declared] = {}
_sinks: list[Sink] = []


def task(**options: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Declare a task under the name of its function; it is bound, so its body takes the task first."""

    def declare(body: Callable[..., Any]) -> Callable[..., Any]:
        DECLARED[body.__name__] = Declared(body, options)
        return body

    return declare


def make_app(broker: str, *, broker_url: str, result_url: str, config: Mapping[str, Any]) -> Celery:
    """Make the app for one scenario on one kind of broker (`redis` or `rabbitmq`).

    `config` holds Celery settings, and `visibility_timeout`, which only a Redis broker has.
    """
    settings = dict(config)
    visibility_timeout = settings.pop("visibility_timeout", NEVER_IN_A_SCENARIO)
    app = Celery("conformance", broker=broker_url, backend=result_url)
    app.conf.update(
        task_default_queue="work",
        broker_connection_retry_on_startup=True,
        worker_hijack_root_logger=False,
        **settings,
    )
    if broker == "redis":
        app.conf.broker_transport_options = {"visibility_timeout": visibility_timeout, **QUICK_RESTORE}
    for name, declared in DECLARED.items():
        app.task(name=name, bind=True, **declared.options)(declared.body)
    return app


def set_sink(sink: Sink | None) -> None:
    """Send what is observed from now on to `sink`, or nowhere."""
    _sinks[:] = [sink] if sink is not None else []


def observe(what: str, label: str | None, hostname: str | None, **info: Any) -> None:
    """Tell the sink that something was seen."""
    record = {
        "at": time.time(),
        "what": what,
        "label": label,
        "node": hostname,
        "pid": os.getpid(),
        "in_task": bool(current_task),
        "info": info,
    }
    for sink in _sinks:
        sink(record)


def note(current: Task[..., Any], what: str, **info: Any) -> None:
    """Observe something from inside the body of a task."""
    observe(what, current.request.id, current.request.hostname, **info)


def note_start(current: Task[..., Any], **info: Any) -> None:
    """Observe that an attempt began, with what the task can know about it."""
    delivery = current.request.delivery_info or {}
    note(current, "start", retries=current.request.retries, redelivered=delivery.get("redelivered"), **info)


def nap_and_note(current: Task[..., Any], seconds: float) -> str:
    """Observe a start, take some time, observe the end."""
    note_start(current)
    time.sleep(seconds)
    note(current, "end")
    return "rested"


def _on_received(request: Any = None, **_: Any) -> None:
    observe("received", request.id, request.hostname)


def _on_prerun(task_id: str | None = None, task: Any = None, **_: Any) -> None:
    observe("prerun", task_id, task.request.hostname)


def _on_postrun(task_id: str | None = None, task: Any = None, state: str | None = None, **_: Any) -> None:
    observe("postrun", task_id, task.request.hostname, state=state)


def _on_success(sender: Any = None, **_: Any) -> None:
    observe("success", sender.request.id, sender.request.hostname)


def _on_failure(task_id: str | None = None, exception: Any = None, sender: Any = None, **_: Any) -> None:
    observe("failure", task_id, sender.request.hostname, exception=said(exception))


def _on_retry(request: Any = None, reason: Any = None, **_: Any) -> None:
    observe("retry", request.id, request.hostname, reason=said(reason))


def _on_revoked(request: Any = None, terminated: Any = None, expired: Any = None, **_: Any) -> None:
    observe("revoked", request.id, request.hostname, terminated=terminated, expired=expired)


def _on_unknown(name: str | None = None, id: str | None = None, sender: Any = None, **_: Any) -> None:
    observe("unknown", id, sender.hostname, name=name)


def _on_rejected(message: Any = None, sender: Any = None, **_: Any) -> None:
    observe("rejected", message.headers.get("id"), sender.hostname)


OBSERVERS = (
    (signals.task_received, _on_received),
    (signals.task_prerun, _on_prerun),
    (signals.task_postrun, _on_postrun),
    (signals.task_success, _on_success),
    (signals.task_failure, _on_failure),
    (signals.task_retry, _on_retry),
    (signals.task_revoked, _on_revoked),
    (signals.task_unknown, _on_unknown),
    (signals.task_rejected, _on_rejected),
)


def connect_observers() -> None:
    """Listen to the signals of tasks in this process."""
    for signal, observer in OBSERVERS:
        signal.connect(observer)


def disconnect_observers() -> None:
    """Stop listening to the signals of tasks in this process."""
    for signal, observer in OBSERVERS:
        signal.disconnect(observer)


def said(error: object) -> str:
    """An error as text, without what differs from run to run (job numbers, process ids)."""
    text = repr(error) if isinstance(error, BaseException) else str(error)
    return text.split(" Job: ")[0]
