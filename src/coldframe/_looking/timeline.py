"""A trace as text that people read: one line for each event that matters."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from coldframe._core.events import (
    Acked,
    BeatSent,
    Broken,
    Delivered,
    Discarded,
    Dropped,
    Event,
    Finished,
    Logged,
    NodeChanged,
    Published,
    Refused,
    Requeued,
    Started,
    Touched,
    TransactionEnded,
)
from coldframe._core.plain import RecordedRepr, error_label, error_text, stable_repr
from coldframe._looking.bodies import arguments_of
from coldframe._looking.messages import header_moment
from coldframe._looking.wording import arguments, shorten, span, times

WIDTH = 110
WIDEST_PROCESS = 18
WIDEST_TASK = 26
SHORT_ID = 8
ARGUMENTS = 32
GAP = "  "

#: Effects that other lines tell already.
UNTOLD = frozenset({"publish", "result.write"})


@dataclass(frozen=True, slots=True)
class _Row:
    when: datetime
    offset: str
    process: str
    task_id: str
    task: str
    words: str


def timeline(events: Iterable[Event], *, last: int | None = None) -> str:
    """The trace as lines of text, at most 110 wide, with times from the first event on.

    Args:
        events: A trace.
        last: Only so many lines from the end.
    """
    rows = deque(_Teller().rows(events), maxlen=last)
    if not rows:
        return "nothing happened yet"
    return "\n".join(_lines(rows))


def _lines(rows: Collection[_Row]) -> Iterator[str]:
    names = _short_names({row.task for row in rows})
    rows = [replace(row, task=names[row.task]) for row in rows]
    offsets, processes, ids, tasks = (
        max(len(getattr(row, column)) for row in rows) for column in ("offset", "process", "task_id", "task")
    )
    day: date | None = None
    for row in rows:
        if row.when.date() != day:
            day = row.when.date()
            yield f"{row.when:%Y-%m-%d %H:%M:%S} UTC"
        cells = [row.offset.rjust(offsets), row.process.ljust(processes)]
        cells += [row.task_id.ljust(ids), row.task.ljust(tasks)] if tasks else []
        start = GAP.join(cells)
        yield f"{start}{GAP}{shorten(row.words, WIDTH - len(start) - len(GAP))}".rstrip()


class _Teller:
    """Tells each event in words, with what it knows of the earlier ones."""

    def __init__(self) -> None:
        self._first: int | None = None
        self._tasks: dict[str, str] = {}
        self._processes: dict[tuple[str, int], str] = {}
        self._attempts: dict[str, int] = {}
        self._resent: dict[str, Published] = {}
        self._tell: dict[type[Event], Callable[[Any], tuple[str, str | None, str] | None]] = {
            Published: self._published,
            TransactionEnded: self._transaction_ended,
            Delivered: self._delivered,
            Acked: lambda event: (event.node, event.task_id, "acked"),
            Requeued: lambda event: ("broker", event.task_id, f"requeued in {event.queue} ({event.reason})"),
            Dropped: self._dropped,
            Started: self._started,
            Finished: self._finished,
            Discarded: self._discarded,
            Logged: self._logged,
            BeatSent: lambda event: ("beat", event.task_id, f"entry {event.entry!r} is due: {event.task}"),
            NodeChanged: self._node_changed,
            Refused: lambda event: (event.by, event.by_task_id, f"refused a connection to {event.address}"),
            Touched: self._touched,
            Broken: self._broken,
        }

    def rows(self, events: Iterable[Event]) -> Iterator[_Row]:
        """A row for each event that matters."""
        for event in events:
            if self._first is None:
                self._first = event.at
            told = self._tell[type(event)](event)
            # Messages that are no tasks (remote control, worker events) have no task id.
            if told is None or (told[1] is None and isinstance(event, (Delivered, Acked, Requeued, Dropped))):
                continue
            process, task_id, words = told
            yield _Row(
                when=event.when,
                offset=f"+{(event.at - self._first) / 1_000_000:.3f}s",
                process=shorten(process, WIDEST_PROCESS),
                task_id=(task_id or "")[:SHORT_ID],
                task=self._tasks.get(task_id or "", ""),
                words=words,
            )

    def _published(self, event: Published) -> tuple[str, str | None, str] | None:
        if event.task is None or event.task_id is None:
            return None
        self._tasks[event.task_id] = event.task
        self._resent[event.task_id] = event
        args, kwargs = arguments_of(event)
        readable = not (args and isinstance(args[0], RecordedRepr))
        words = f"sent ({arguments(args, kwargs, ARGUMENTS)})" if readable else "sent"
        words += f" to {', '.join(event.queues)}" if event.queues else ", dropped (no queue is bound)"
        due = header_moment(event.eta)
        if due is not None and due > event.when:
            words += f", due in {span(due - event.when)}"
        return event.by, event.task_id, words + (", in a transaction" if event.in_transaction else "")

    def _transaction_ended(self, event: TransactionEnded) -> tuple[str, str | None, str]:
        sent = times(len(event.messages), "message")
        ended = f"committed, with {sent}" if event.committed else f"rolled back, but {sent} had been sent"
        return "", None, f"transaction {ended}"

    def _delivered(self, event: Delivered) -> tuple[str, str | None, str]:
        return event.node, event.task_id, f"{'redelivered' if event.redelivered else 'delivered'} from {event.queue}"

    def _dropped(self, event: Dropped) -> tuple[str, str | None, str]:
        onward = f", to dead letter exchange {event.dead_letter_exchange}" if event.dead_letter_exchange else ""
        return "broker", event.task_id, f"dropped ({event.reason}){onward}"

    def _started(self, event: Started) -> tuple[str, str | None, str]:
        self._tasks.setdefault(event.task_id, event.task)
        self._processes[event.task_id, event.attempt] = event.process
        # An event numbers the attempts of the whole bench; a reader asks which one it was of this task id.
        number = self._attempts[event.task_id] = self._attempts.get(event.task_id, 0) + 1
        return event.process, event.task_id, "started" if number == 1 else f"started, attempt {number}"

    def _finished(self, event: Finished) -> tuple[str, str | None, str]:
        process = self._processes.pop((event.task_id, event.attempt), "")
        return process, event.task_id, self._ending(event) + ("" if event.at_process else ", said its node")

    def _ending(self, event: Finished) -> str:
        error = "" if event.exception is None else f": {error_label(event.exception)}"
        if event.state == "SUCCESS":
            return f"succeeded → {stable_repr(event.result)}"
        if event.state == "RETRY":
            return f"retry{self._delay(event)}{_cause(event.exception)}"
        words = {"FAILURE": "failed", "LOST": "lost: its process died"}.get(event.state, event.state.lower())
        return f"{words}{error}"

    def _delay(self, event: Finished) -> str:
        # The message for the next attempt is sent just before this one ends.
        resent = self._resent.get(event.task_id)
        due = header_moment(resent.eta) if resent is not None and resent.retries else None
        return "" if due is None or due <= event.when else f" in {span(due - event.when)}"

    def _discarded(self, event: Discarded) -> tuple[str, str | None, str]:
        detail = f": {event.detail}" if event.detail else ""
        task = f" {event.task}" if event.task and event.task_id not in self._tasks else ""
        return event.node, event.task_id, f"given up{task} ({event.reason}){detail}"

    def _logged(self, event: Logged) -> tuple[str, str | None, str]:
        process = self._processes.get((event.task_id, event.attempt), "")
        return process, event.task_id, f"{event.level} {event.logger}: {event.text}"

    def _touched(self, event: Touched) -> tuple[str, str | None, str] | None:
        if event.outcome == "done" and event.effect in UNTOLD:
            return None
        failed = "" if event.exception is None else f", {event.outcome}: {error_label(event.exception)}"
        return (
            event.by,
            event.task_id,
            f"{event.effect} {event.what}{failed}{f' ({event.where})' if event.where else ''}",
        )

    def _broken(self, event: Broken) -> tuple[str, str | None, str]:
        place = f" {event.place} {event.what}" if event.place else ""
        return event.by, event.task_id, f"on purpose: {event.fault}{place}"

    def _node_changed(self, event: NodeChanged) -> tuple[str, str | None, str]:
        return event.node, None, f"node {event.change}{f': {event.detail}' if event.detail else ''}"


def _cause(error: BaseException | None) -> str:
    """Why a task is tried again: Celery's exception says so after the delay, which is told already."""
    if error is None:
        return ""
    text = error_text(error)
    if not text.startswith("Retry"):
        return f": {error_label(error)}"
    cause = text.partition(": ")[2]
    return f": {cause}" if cause else ""


def _short_names(names: Iterable[str]) -> dict[str, str]:
    """Each task's name by as few of its last parts as tell it from the others."""
    uses = Counter(".".join(name.split(".")[start:]) for name in names for start in range(name.count(".") + 1))
    return {name: _shortest(name, uses) for name in names}


def _shortest(name: str, uses: Counter[str]) -> str:
    parts = name.split(".")
    tails = (".".join(parts[start:]) for start in range(len(parts) - 1, -1, -1))
    short = next((tail for tail in tails if uses[tail] == 1), name)
    return short if len(short) <= WIDEST_TASK else f"…{short[1 - WIDEST_TASK :]}"
