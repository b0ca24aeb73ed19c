"""What was different on the bench, read from its trace and compared with what eager mode did."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from coldframe._celery.eager import EagerRun
from coldframe._celery.on_the_way import Changed, Stopped, argument_fate, has_result_store, result_fate, route_of
from coldframe._core.events import Discarded, Event, Finished, Published
from coldframe._core.plain import error_label, stable_repr
from coldframe._looking.messages import Message
from coldframe._looking.wording import shorten, span, times

if TYPE_CHECKING:
    from celery import Celery

    from coldframe.testing.eager_swap_log import EagerLog

CHORD_UNLOCK = "celery.chord_unlock"
VALUE_WIDTH = 60


@dataclass(frozen=True, slots=True)
class Fact:
    """One difference between eager mode and the bench.

    Attributes:
        kind: What eager mode hid, in two or three words.
        text: What happened, with the names of the task and whatever else it was about.
        next_step: What to do about it.
        task: The task that it was about.
    """

    kind: str
    text: str
    next_step: str
    task: str = ""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of both runs of a test.

    Attributes:
        unread: The queues that no node reads and in which messages wait.
        read: The queues that the nodes read.
        now: The virtual moment at which the test ended.
        committed: How many `on_commit` callbacks ran.
    """

    log: EagerLog
    events: tuple[Event, ...]
    waiting: tuple[Message, ...]
    unread: frozenset[str]
    read: tuple[str, ...]
    now: datetime
    apps: tuple[Celery, ...]
    committed: int

    def knows(self, task: str | None) -> bool:
        """Whether a task is the project's own."""
        return any(task in app.tasks for app in self.apps)


def gather(evidence: Evidence) -> list[Fact]:
    """All differences, each told once, in no order of importance."""
    found: dict[Fact, None] = {}
    for look in LOOKS:
        found.update(dict.fromkeys(look(evidence)))
    return list(found)


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
        is_later = message.eta is not None and message.eta > evidence.now
        if not is_later or message.queue in evidence.unread or message.task not in evidence.log.tasks:
            continue
        assert message.eta is not None
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


def _failed(evidence: Evidence) -> Iterator[Fact]:
    groups = {
        event.task_id: event.group_id for event in evidence.events if isinstance(event, Published) and event.group_id
    }
    for event in evidence.events:
        if isinstance(event, Finished) and event.state == "FAILURE" and event.exception is not None:
            in_chord = event.task_id in groups and evidence.log.has_chord
            yield _failure(evidence, event, event.exception, in_chord=in_chord)


def _sends_on(evidence: Evidence, name: str) -> bool:
    """Whether a task has results that can be stored, so that it must have failed in sending something."""
    values = [run for run in evidence.log.runs if run.name == name and run.value is not None]
    return bool(values) and not any(isinstance(result_fate(run.app, run.value), Stopped) for run in values)


def _failure(evidence: Evidence, event: Finished, error: BaseException, *, in_chord: bool) -> Fact:
    told, name, kind = error_label(error), event.task, type(error).__name__
    if kind == "EncodeError" and not _sends_on(evidence, name):
        return Fact(
            "result not serializable",
            f"the result of {name} cannot be stored, so the task failed: {shorten(str(error), 90)}",
            "return what the result serializer carries (for JSON: lists, dictionaries with text keys, numbers, texts), "
            "or set ignore_result=True",
            name,
        )
    if kind == "EncodeError":
        return Fact(
            "argument not serializable",
            f"{name} failed when it sent something that cannot be carried: {shorten(str(error), 90)}",
            "send identifiers or plain values, and load the rest in the task",
            name,
        )
    if kind == "RuntimeError" and "result.get() within a task" in str(error):
        return Fact(
            "waits inside a task",
            f"{name} waits for a result inside a task, which a worker refuses",
            "link the tasks with a chain or a chord instead of calling get()",
            name,
        )
    if kind in ("TimeLimitExceeded", "SoftTimeLimitExceeded"):
        return Fact(
            "time limit",
            f"{name} ran into its time limit: {told}",
            "raise the limit, or let the task do less at a time",
            name,
        )
    if name not in evidence.log.failed:
        return Fact(
            "fails on the worker",
            f"{name} failed with {told}; under eager mode it did not",
            "mend the task; its traceback is in the timeline of a bench",
            name,
        )
    if in_chord:
        return Fact(
            "chord error",
            f"{name}, in the header of a chord, failed with {told}: on a worker nothing is raised in the caller, the "
            "body does not run, and its result and errback get a ChordError",
            "look at the result of the chord, or at what its errback did",
            name,
        )
    return Fact(
        "error stays with the worker",
        f"{name} failed with {told}, which a worker stores in the result; eager mode raised it in the caller",
        "expect it from result.get(), not from delay()",
        name,
    )


def _retried(evidence: Evidence) -> Iterator[Fact]:
    for event in evidence.events:
        if isinstance(event, Finished) and event.state == "RETRY" and event.task in evidence.log.tasks:
            yield Fact(
                "retried",
                f"{event.task} was tried again later; eager mode tries again at once, inside the first try",
                "with the fixture 'coldframe', look at each run: coldframe.runs(task)",
                event.task,
            )


def _argument_fate(run: EagerRun) -> Changed | Stopped | None:
    return argument_fate(run.app, run.args, run.kwargs, run.options.get("serializer") or run.task.serializer)


def _values(evidence: Evidence) -> Iterator[Fact]:
    for run in evidence.log.runs:
        if run.is_part and (fate := _argument_fate(run)):
            yield _argument(run, fate)
        value = run.value
        if value is None:
            continue
        if run.options.get("ignore_result", run.task.ignore_result):
            if run.result is None or run.result.id not in evidence.log.values_read:
                continue
            yield Fact(
                "ignored result",
                f"{run.name} ignores its result: on a worker get() gives None; eager mode gave {_short(value)}",
                "drop ignore_result=True, or do not read the result",
                run.name,
            )
        elif isinstance(changed := result_fate(run.app, value), Changed):
            yield Fact(
                "result changes",
                f"{changed.where} of {run.name} was {_short(changed.sent)} and comes back as {_short(changed.arrives)}",
                "return what the result serializer gives back as it is, or compare with what it gives",
                run.name,
            )


def _other_values(evidence: Evidence) -> Iterator[Fact]:
    """Tasks that gave something else: what they go by is not known here, but that they did."""
    for name in sorted(evidence.log.tasks):
        eager = [run.value for run in evidence.log.runs if run.name == name and run.result is not None]
        bench = [
            event.result
            for event in evidence.events
            if isinstance(event, Finished) and event.task == name and event.state == "SUCCESS"
        ]
        if len(eager) != len(bench):
            continue
        for one, other in zip(eager, bench, strict=True):
            if stable_repr(one) != stable_repr(other):
                yield Fact(
                    "runs differently",
                    f"{name} gave {_short(one)} under eager mode, and {_short(other)} on the worker",
                    "look at what it goes by: request.is_eager, the clock, or what ran before it",
                    name,
                )
                break


def _argument(run: EagerRun, fate: Changed | Stopped) -> Fact:
    if isinstance(fate, Stopped):
        return Fact(
            "argument not serializable",
            f"the arguments of {run.name} cannot be sent: {shorten(str(fate.error), 90)}; eager mode passes the parts "
            "of a canvas on as they are",
            "send identifiers or plain values, and load the rest in the task",
            run.name,
        )
    return Fact(
        "argument changes",
        f"{fate.where} of {run.name} was {_short(fate.sent)} and arrives as {_short(fate.arrives)}",
        "send plain values: lists, dictionaries with text keys, numbers, texts",
        run.name,
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
                f"send it on commit: transaction.on_commit(...), or {event.task.rpartition('.')[2]}.delay_on_commit(...)",
                event.task,
            )


def _nested(evidence: Evidence) -> Iterator[Fact]:
    names = {event.task_id: event.task for event in evidence.events if isinstance(event, Published) and event.task_id}
    for event in evidence.events:
        if not isinstance(event, Published) or event.task not in evidence.log.tasks or event.retries:
            continue
        parent = names.get(event.by_task_id)
        if parent is not None and event.group_id is None and event.parent_id == event.by_task_id:
            yield Fact(
                "runs after its sender",
                f"{event.task} was sent inside {parent}: eager mode runs it there and then, a worker on its own",
                f"link them with a chain if {parent} needs what {event.task} does",
                event.task,
            )


def _looked_up(evidence: Evidence) -> Iterator[Fact]:
    for run in evidence.log.runs:
        if run.result is not None and run.result.id in evidence.log.looked_up:
            yield Fact(
                "result by id",
                f"the result of {run.name} was looked up by its id: eager mode stores none and says PENDING, a worker "
                "stores it",
                "expect what a worker stores",
                run.name,
            )


def _by_name(evidence: Evidence) -> Iterator[Fact]:
    for name in evidence.log.by_name:
        yield Fact(
            "send_task",
            f"send_task({name!r}) knows no eager mode: there nothing ran, on the bench it did",
            "test it on a bench",
            name,
        )


def _stores(evidence: Evidence) -> Iterator[Fact]:
    for app in evidence.apps:
        if not has_result_store(app):
            yield Fact(
                "no result store",
                f"the app {app.main!r} keeps no results (result_backend is not set), so nothing can be read from "
                "one; eager mode hands the value over",
                "set result_backend in the settings of the tests as in production, or do not read results",
            )


def _attribute(evidence: Evidence, task: str, name: str) -> Any:
    return next((getattr(app.tasks[task], name, None) for app in evidence.apps if task in app.tasks), None)


def _short(value: object) -> str:
    return shorten(stable_repr(value), VALUE_WIDTH)


LOOKS: tuple[Callable[[Evidence], Iterable[Fact]], ...] = (
    _wrong_queue,
    _not_due,
    _held_back,
    _given_up,
    _failed,
    _retried,
    _values,
    _other_values,
    _commits,
    _nested,
    _looked_up,
    _by_name,
    _stores,
)
