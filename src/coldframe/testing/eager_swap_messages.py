"""Differences in what became of messages: where they went, when they are due, what was waited for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from coldframe._celery.on_the_way import route_of
from coldframe._core.events import Discarded, Published
from coldframe._core.plain import error_label
from coldframe._looking.wording import shorten, span, times
from coldframe.testing.eager_swap_evidence import Evidence, Fact

CHORD_UNLOCK = "celery.chord_unlock"


def _wrong_queue(evidence: Evidence) -> Iterator[Fact]:
    read = ", ".join(map(repr, evidence.read))
    for message in evidence.waiting:
        if message.queue in evidence.unread and evidence.knows(message.task):
            because = _why_there(evidence, message.task, message.queue)
            yield Fact(
                "wrong queue",
                f"{message.task} waits in queue {message.queue!r}{because}, which no node reads; they read {read}",
                f"correct the route, or declare {message.queue!r} in task_queues and let a worker read it "
                "(celery worker -Q)",
                message.task,
            )
    for event in evidence.events:
        if isinstance(event, Published) and evidence.knows(event.task) and not event.queues:
            yield Fact(
                "wrong queue",
                f"{event.task} was sent to exchange {event.exchange!r} with routing key {event.routing_key!r}, where "
                "no queue is bound: it is lost",
                "bind a queue to that key in task_queues, or send to a queue by its name: queue=...",
                event.task or "",
            )


def _why_there(evidence: Evidence, task: str, queue: str) -> str:
    run = next((run for run in evidence.log.runs if run.name == task), None)
    app = run.app if run is not None else next(app for app in evidence.apps if task in app.tasks)
    options = run.options if run is not None else {}
    try:
        route = route_of(app, app.tasks[task], run.args if run else (), run.kwargs if run else {}, options)
    except Exception:
        return ""
    return f" ({route.because})" if route.queue == queue and route.because != "the default queue" else ""


def _not_due(evidence: Evidence) -> Iterator[Fact]:
    for message in evidence.waiting:
        if message.eta is None or message.eta <= evidence.now:
            continue
        if message.queue in evidence.unread or message.task not in evidence.log.tasks:
            continue
        delay = span(message.eta - message.published_at)
        step = "the effect is there after that time only: with the fixture 'coldframe', advance(...) before the assert"
        if message.retries:
            tries = sum(run.name == message.task for run in evidence.log.runs)
            yield Fact(
                "retry",
                f"try {message.retries + 1} of {message.task} is due {delay} after try {message.retries}; eager mode "
                f"made {times(tries, 'try', 'tries')} at once",
                step,
                message.task,
            )
        elif message.task != CHORD_UNLOCK:
            yield Fact(
                "countdown",
                f"{message.task} is due {delay} after it was sent; eager mode ran it at once",
                step,
                message.task,
            )


def _held_back(evidence: Evidence) -> Iterator[Fact]:
    for message in evidence.waiting:
        limit = _attribute(evidence, message.task, "rate_limit")
        if message.node is not None and message.eta is None and limit and message.task in evidence.log.tasks:
            yield Fact(
                "rate limit",
                f"{message.task} waits for its rate limit of {limit}; eager mode knows none",
                "with the fixture 'coldframe', advance(...) before the assert, or raise the limit",
                message.task,
            )


def _attribute(evidence: Evidence, task: str, name: str) -> Any:
    return next((getattr(app.tasks[task], name, None) for app in evidence.apps if task in app.tasks), None)


def _given_up(evidence: Evidence) -> Iterator[Fact]:
    steps = {
        "expired": "correct expires=..., or expect that the task does not run",
        "revoked": "a worker does not run what was revoked: expect that",
        "unknown task": "import the module that defines it (include, autodiscover_tasks), or correct the name",
        "invalid": "let accept_content and the serializers agree: eager mode accepts whatever it made itself",
    }
    for event in evidence.events:
        if isinstance(event, Discarded):
            what = f"{event.task} was not run, because its message is {event.reason}"
            if event.detail:
                what += f" ({shorten(event.detail, 80)})"
            if event.reason == "unknown task":
                what = f"no app knows a task {event.task!r}"
            yield Fact(event.reason, what, steps.get(event.reason, ""), event.task or "")


def _refused(evidence: Evidence) -> Iterator[Fact]:
    for error in evidence.refused:
        kind = type(error).__name__
        if kind == "QueueNotFound":
            step = "correct the route, or declare the queue in task_queues"
            yield Fact("wrong queue", f"a task cannot be sent: {shorten(str(error), 100)}", step)
        elif kind != "EncodeError":
            yield Fact(
                "cannot be sent",
                f"sending raised {error_label(error)}; eager mode sends nothing",
                "mend the call: in production it raises the same",
            )


def _commits(evidence: Evidence) -> Iterator[Fact]:
    count = evidence.committed - evidence.log.committed
    if count > 0:
        names = dict.fromkeys(
            event.task
            for event in evidence.events
            if isinstance(event, Published) and event.by == "test" and event.task not in evidence.log.tasks
        )
        sent = f": {', '.join(str(name) for name in names)} was sent" if names else ""
        yield Fact(
            "on_commit never ran",
            f"{times(count, 'on_commit callback')} never ran, because the transaction of the test is never "
            f"committed; on the bench {'it' if count == 1 else 'they'} ran{sent}",
            "test what happens after the commit, too: with the fixture 'coldframe', or captureOnCommitCallbacks",
        )
    for event in evidence.events:
        if isinstance(event, Published) and event.in_transaction and event.task in evidence.log.tasks:
            yield Fact(
                "sent in a transaction",
                f"{event.task} was sent inside a transaction; the bench ran it after its end, and a real worker may "
                "even run before",
                "send it on commit: transaction.on_commit(...), or delay_on_commit(...) instead of delay(...)",
                event.task,
            )


def _nested(evidence: Evidence) -> Iterator[Fact]:
    names = {event.task_id: event.task for event in evidence.events if isinstance(event, Published) and event.task_id}
    for event in evidence.events:
        if not isinstance(event, Published) or event.task not in evidence.log.tasks or event.retries:
            continue
        parent = names.get(event.by_task_id or "")
        if parent is not None and event.group_id is None and event.parent_id == event.by_task_id:
            yield Fact(
                "runs after its sender",
                f"{event.task} was sent inside {parent}: eager mode runs it there and then, a worker on its own",
                f"link them with a chain if {parent} needs what {event.task} does",
                event.task,
            )


def _by_name(evidence: Evidence) -> Iterator[Fact]:
    for name in evidence.log.by_name:
        yield Fact(
            "send_task",
            f"send_task({name!r}) knows no eager mode: there nothing ran, on the bench it did",
            "test it on a bench",
            name,
        )


LOOKS_AT_MESSAGES: tuple[Callable[[Evidence], Iterable[Fact]], ...] = (
    _wrong_queue,
    _not_due,
    _held_back,
    _given_up,
    _refused,
    _commits,
    _nested,
    _by_name,
)
