"""Attempts at tasks: what ran where and when, and what came of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from coldframe._core.events import (
    Delivered,
    Discarded,
    Event,
    Finished,
    Logged,
    NodeChanged,
    Published,
    Requeued,
    Started,
)
from coldframe._core.plain import error_label, stable_repr
from coldframe._looking.bodies import Decode, arguments_of, decode_json
from coldframe._looking.deliveries import Deliveries
from coldframe._looking.names import fits, full_name, name_of
from coldframe._looking.wording import call, shorten, span

DISCARDED_STATES = {"revoked": "REVOKED", "expired": "EXPIRED", "unknown task": "UNKNOWN", "invalid": "INVALID"}


@dataclass(frozen=True, slots=True, repr=False)
class Run:
    """One attempt at a task, or one message that a node gave up without an attempt.

    Attributes:
        attempt: Counts the attempts at this task id from 1; 0 when there was none.
        state: Celery's, or `RUNNING`, `LOST` (its process died), `EXPIRED`, `UNKNOWN`, `INVALID`.
        process: The pool process, as in `mail/2`; None when there was no attempt.
        log: Lines such as `INFO billing: charged`.
    """

    task: str
    task_id: str
    attempt: int
    state: str
    node: str
    process: str | None
    queue: str | None
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    retries: int
    redelivered: bool
    published_at: datetime | None
    received_at: datetime | None
    started_at: datetime | None
    finished_at: datetime | None
    runtime: timedelta | None
    result: Any
    exception: BaseException | None
    traceback: str | None
    log: tuple[str, ...]

    def __repr__(self) -> str:
        words = f"{call(self.task or '?', self.args, self.kwargs)} {self.state} on {self.node!r}"
        if self.attempt > 1:
            words += f", attempt {self.attempt}"
        if self.runtime:
            words += f", took {span(self.runtime)}"
        if self.exception is not None:
            words += f": {shorten(error_label(self.exception), 60)}"
        elif self.result is not None:
            words += f" → {shorten(stable_repr(self.result), 60)}"
        return f"<Run {words}>"


@dataclass(slots=True)
class _Attempt:
    """What is known so far of one attempt."""

    began: Started | Discarded
    number: int
    received: Delivered | None
    published: Published | None
    finished: Finished | None = None
    log: list[str] = field(default_factory=list)


class RunBook:
    """The attempts at tasks, entered event by event.

    Args:
        keep: Picks the names of the tasks whose attempts are kept; all without it.
    """

    def __init__(self, keep: Callable[[str], bool] | None = None) -> None:
        self.names: set[str] = set()
        self._keep = keep
        self._attempts: list[_Attempt] = []
        self._counts: dict[str, int] = {}
        self._latest: dict[tuple[str, int], _Attempt] = {}
        self._published: dict[int, Published] = {}
        self._deliveries = Deliveries()
        self._take: dict[type[Event], Callable[[Any], None]] = {
            Published: self._sent,
            Delivered: self._delivered,
            Requeued: self._deliveries.put_back,
            Started: self._started,
            Finished: self._finished,
            Discarded: self._discarded,
            Logged: self._logged,
            NodeChanged: self._deliveries.node_changed,
        }

    def take(self, event: Event) -> None:
        """Enter the next event."""
        enter = self._take.get(type(event))
        if enter is not None:
            enter(event)

    def runs(self, decode: Decode = decode_json) -> list[Run]:
        """The attempts in the order in which they began."""
        return [_run(attempt, decode) for attempt in self._attempts]

    def _wants(self, task: str | None) -> bool:
        if task is None:
            return False
        self.names.add(task)
        return self._keep is None or self._keep(task)

    def _sent(self, event: Published) -> None:
        if self._wants(event.task):
            self._published[event.message] = event

    def _delivered(self, event: Delivered) -> None:
        if event.message in self._published:
            self._deliveries.add(event)

    def _started(self, event: Started) -> None:
        if not self._wants(event.task):
            return
        received = self._deliveries.take(event.task_id, event.node, redelivered=event.redelivered)
        self._latest[event.task_id, event.attempt] = self._begin(event, received)

    def _discarded(self, event: Discarded) -> None:
        # A message too broken to name its task is only shown when all tasks are.
        if self._wants(event.task) or (event.task is None and self._keep is None):
            self._begin(event, self._deliveries.take(event.task_id, event.node))

    def _begin(self, event: Started | Discarded, received: Delivered | None) -> _Attempt:
        number = 0
        if isinstance(event, Started):
            # An event numbers the attempts of the whole bench; a reader asks which one it was of this task id.
            number = self._counts[event.task_id] = self._counts.get(event.task_id, 0) + 1
        attempt = _Attempt(event, number, received, self._published.get(received.message) if received else None)
        self._attempts.append(attempt)
        return attempt

    def _finished(self, event: Finished) -> None:
        attempt = self._latest.get((event.task_id, event.attempt))
        # What the dead process would still have reported comes after its parent gave it up, and no longer counts.
        if attempt is not None and attempt.finished is None:
            attempt.finished = event

    def _logged(self, event: Logged) -> None:
        attempt = self._latest.get((event.task_id, event.attempt))
        if attempt is not None:
            attempt.log.append(f"{event.level} {event.logger}: {event.text}")


def runs(events: Iterable[Event], task: object = None, *, decode: Decode = decode_json) -> list[Run]:
    """The attempts at tasks, in the order in which they began.

    Args:
        events: A trace.
        task: A task, its name, or the end of its name when no other name ends so; all tasks without it.
        decode: Reads the body of a message that was given up without an attempt; without it only JSON is read.

    Raises:
        SetupError: Several task names end in the one that is given.
    """
    wanted = None if task is None else name_of(task)
    book = RunBook(None if wanted is None else lambda name: fits(wanted, name))
    for event in events:
        book.take(event)
    found = book.runs(decode)
    if wanted is None:
        return found
    name = full_name(wanted, book.names)
    return [run for run in found if run.task == name]


def _run(attempt: _Attempt, decode: Decode) -> Run:
    if isinstance(attempt.began, Discarded):
        return _discarded_run(attempt.began, attempt, decode)
    started, finished = attempt.began, attempt.finished
    return Run(
        task=started.task,
        task_id=started.task_id,
        attempt=attempt.number,
        state=finished.state if finished else "RUNNING",
        node=started.node,
        process=started.process,
        queue=attempt.received.queue if attempt.received else started.queue,
        args=started.args,
        kwargs=started.kwargs,
        retries=started.retries,
        redelivered=started.redelivered,
        published_at=_when(attempt.published),
        received_at=_when(attempt.received),
        started_at=started.when,
        finished_at=_when(finished),
        runtime=finished.when - started.when if finished else None,
        result=finished.result if finished else None,
        exception=finished.exception if finished else None,
        traceback=finished.traceback if finished else None,
        log=tuple(attempt.log),
    )


def _discarded_run(event: Discarded, attempt: _Attempt, decode: Decode) -> Run:
    received, published = attempt.received, attempt.published
    args, kwargs = arguments_of(published, decode) if published else ((), {})
    return Run(
        task=event.task or "",
        task_id=event.task_id or "",
        attempt=0,
        state=DISCARDED_STATES.get(event.reason, event.reason.upper()),
        node=event.node,
        process=None,
        queue=received.queue if received else None,
        args=args,
        kwargs=kwargs,
        retries=published.retries if published else 0,
        redelivered=received is not None and received.redelivered,
        published_at=_when(published),
        received_at=_when(received),
        started_at=None,
        finished_at=event.when,
        runtime=None,
        result=None,
        exception=None,
        traceback=None,
        log=(),
    )


def _when(event: Event | None) -> datetime | None:
    return event.when if event is not None else None
