"""Differences in how tasks ended, and in the values that went through a message or a result store."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from coldframe._celery.eager import EagerRun
from coldframe._celery.on_the_way import Changed, Stopped, argument_fate, has_result_store, result_fate
from coldframe._core.events import Finished, Published, TransactionEnded
from coldframe._core.plain import error_label, stable_repr
from coldframe._looking.wording import shorten
from coldframe.testing.eager_swap_evidence import Evidence, Fact, in_short


def _failed(evidence: Evidence) -> Iterator[Fact]:
    groups = {
        event.task_id: event.group_id for event in evidence.events if isinstance(event, Published) and event.group_id
    }
    rolled_back = _rolled_back(evidence)
    for event in evidence.events:
        if isinstance(event, Finished) and event.state == "FAILURE" and event.exception is not None:
            if event.task_id in rolled_back:
                yield Fact(
                    "sent, then rolled back",
                    f"{event.task} was sent inside a transaction that was rolled back, and failed with "
                    f"{error_label(event.exception)}: a message cannot be taken back",
                    "send it on commit: transaction.on_commit(...), or delay_on_commit(...) instead of delay(...)",
                    event.task,
                )
            in_chord = event.task_id in groups and evidence.log.has_chord
            yield _failure(evidence, event, event.exception, in_chord=in_chord)


def _rolled_back(evidence: Evidence) -> set[str | None]:
    """The ids of the tasks that were sent inside a transaction that came to nothing."""
    ended = [event for event in evidence.events if isinstance(event, TransactionEnded) and not event.committed]
    messages = {message for event in ended for message in event.messages}
    return {event.task_id for event in evidence.events if isinstance(event, Published) and event.message in messages}


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
                f"{run.name} ignores its result: on a worker get() gives None; eager mode gave {in_short(value)}",
                "drop ignore_result=True, or do not read the result",
                run.name,
            )
        elif isinstance(changed := result_fate(run.app, value), Changed):
            yield Fact(
                "result changes",
                f"{changed.where} of {run.name} was {in_short(changed.sent)}, and comes back as "
                f"{in_short(changed.arrives)}",
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
                    f"{name} gave {in_short(one)} under eager mode, and {in_short(other)} on the worker",
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
        f"{fate.where} of {run.name} was {in_short(fate.sent)} and arrives as {in_short(fate.arrives)}",
        "send plain values: lists, dictionaries with text keys, numbers, texts",
        run.name,
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


def _stores(evidence: Evidence) -> Iterator[Fact]:
    for app in evidence.apps:
        if not has_result_store(app):
            yield Fact(
                "no result store",
                f"the app {app.main!r} keeps no results (result_backend is not set), so nothing can be read from "
                "one; eager mode hands the value over",
                "set result_backend in the settings of the tests as in production, or do not read results",
            )


LOOKS_AT_ENDS: tuple[Callable[[Evidence], Iterable[Fact]], ...] = (
    _failed,
    _retried,
    _values,
    _other_values,
    _looked_up,
    _stores,
)
