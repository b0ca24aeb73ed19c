"""Assertions over a trace, whose failures list the near misses, best first."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Any, Unpack

from coldframe._core.events import Event
from coldframe._looking.bodies import Decode, decode_json
from coldframe._looking.criteria import UNSET, Criteria, Wanted, WantedCall
from coldframe._looking.failure import Sought
from coldframe._looking.ledger import Ledger
from coldframe._looking.messages import Message, message_of
from coldframe._looking.names import fits, full_name, name_of, nearest_name
from coldframe._looking.near_misses import (
    Miss,
    WantedRun,
    given_up_misses,
    never_sent,
    past_misses,
    tasks_sent,
    unrouted_misses,
    unrun_misses,
    waiting_misses,
)
from coldframe._looking.runs import Run, RunBook
from coldframe.errors import Mismatch, hides_frames

__tracebackhide__ = hides_frames


def assert_queued(
    events: Iterable[Event],
    now: datetime,
    task: object = None,
    *,
    count: int | None = None,
    unread: frozenset[str] = frozenset(),
    known: frozenset[str] = frozenset(),
    decode: Decode = decode_json,
    **criteria: Unpack[Criteria],
) -> list[Message]:
    """Assert that a message waits, and give the messages that match.

    Args:
        events: A trace.
        now: The present, from which an `eta` that is a timedelta counts.
        task: A task, its name, or the end of its name when no other name ends so.
        count: How many there must be; at least one when not given.
        unread: The queues that no node reads.
        known: The names of all tasks there are.
        decode: Reads a body; without it only JSON is read.
        **criteria: What the messages must be like, as `find` takes it.

    Raises:
        Mismatch: There is none, or another number.
        SetupError: Something given makes no sense.
    """
    wanted = Wanted.of(now=now, **criteria)
    given, name, ledger = _ledger(events, task, known)
    waiting = _waiting(ledger, given, name, decode)
    found = [message for message in waiting if wanted.matches(message)]
    if len(found) == count or (count is None and found):
        return found
    misses = [*waiting_misses(waiting, wanted, unread, task=name), *past_misses(_past(ledger, name, decode), wanted)]
    misses += unrouted_misses(ledger.unrouted, name)
    if not found and not misses:
        misses = [_nothing_sent(name or given, ledger, known)]
    what = Sought("queued message", name or given, tuple(wanted.described()))
    raise what.mismatch(count, found, misses, hint="bench.queued() lists every message that waits")


def assert_not_queued(
    events: Iterable[Event],
    now: datetime,
    task: object = None,
    *,
    known: frozenset[str] = frozenset(),
    decode: Decode = decode_json,
    **criteria: Unpack[Criteria],
) -> None:
    """Assert that no such message waits.

    Args:
        events: A trace.
        now: The present, from which an `eta` that is a timedelta counts.
        task: A task, its name, or the end of its name when no other name ends so.
        known: The names of all tasks there are: with it, a name that none has is a failure too.
        decode: Reads a body; without it only JSON is read.
        **criteria: What the messages would be like, as `find` takes it.

    Raises:
        Mismatch: There is one, or no task has such a name.
        SetupError: Something given makes no sense.
    """
    wanted = Wanted.of(now=now, **criteria)
    given, name, ledger = _ledger(events, task, known)
    if given is not None and name is None and known:
        meant = nearest_name(given, known)
        raise Mismatch(
            f"there is no task {given!r}" + (f"; did you mean {meant!r}?" if meant else ", so none can be queued"),
            hint="pass the task itself, or its whole name",
        )
    found = [message for message in _waiting(ledger, given, name, decode) if wanted.matches(message)]
    if found:
        what = Sought("queued message", name or given, tuple(wanted.described()))
        raise what.mismatch(0, found, [], hint="bench.queued() lists every message that waits")


def assert_ran(
    events: Iterable[Event],
    task: object,
    *,
    times: int | None = None,
    state: str | None = None,
    args: Any = UNSET,
    kwargs: Any = UNSET,
    node: Any = UNSET,
    queue: Any = UNSET,
    unread: frozenset[str] = frozenset(),
    known: frozenset[str] = frozenset(),
    decode: Decode = decode_json,
) -> list[Run]:
    """Assert that a task ran, and give the attempts that match.

    There must be as many as `times`, or at least one when it is not given; all in the `state` (such as `SUCCESS`)
    and on the `node`. Everything else is as for `assert_queued`.

    Raises:
        Mismatch: There is none, or another number.
        SetupError: Something given makes no sense.
    """
    wanted = WantedRun(WantedCall(args, kwargs, queue), state, node)
    book, ledger = _read(events, task)
    given, name = _resolved(task, {*ledger.sent, *book.names, *known})
    attempts = [run for run in book.runs(decode) if run.task == name]
    found = [run for run in attempts if wanted.matches(run)]
    if len(found) == times or (times is None and found):
        return found
    misses = [
        *wanted.misses(attempts),
        *unrun_misses(_waiting(ledger, given, name, decode), wanted.call, unread),
        *given_up_misses(_past(ledger, name, decode), wanted.call),
        *unrouted_misses(ledger.unrouted, name),
    ]
    if not found and not misses:
        misses = [_nothing_sent(name or given, ledger, known)]
    what = Sought("run", name or given, tuple(wanted.described()))
    raise what.mismatch(times, found, misses, hint="bench.runs() lists every attempt")


def _read(events: Iterable[Event], task: object) -> tuple[RunBook, Ledger]:
    book, ledger = RunBook(keep := _keep(task)), Ledger(keep)
    for event in events:
        book.take(event)
        ledger.take(event)
    return book, ledger


def _keep(task: object) -> Callable[[str], bool] | None:
    wanted = None if task is None else name_of(task)
    return None if wanted is None else lambda name: fits(wanted, name)


def _resolved(task: object, names: Iterable[str]) -> tuple[str | None, str | None]:
    """The name as it was given, and in full; the latter is None when there is no such task."""
    if task is None:
        return None, None
    given = name_of(task)
    return given, full_name(given, names)


def _ledger(events: Iterable[Event], task: object, known: frozenset[str]) -> tuple[str | None, str | None, Ledger]:
    ledger = Ledger(_keep(task))
    for event in events:
        ledger.take(event)
    return *_resolved(task, {*ledger.sent, *known}), ledger


def _waiting(ledger: Ledger, given: str | None, name: str | None, decode: Decode) -> list[Message]:
    copies = (copy for copy in ledger.waiting() if given is None or copy.published.task == name)
    return [message_of(copy, ledger, decode) for copy in copies]


def _past(ledger: Ledger, name: str | None, decode: Decode) -> Iterator[tuple[Message, str]]:
    past = (copy for copy in ledger.past() if copy.published.task == name)
    return ((message_of(copy, ledger, decode), copy.fate or "") for copy in past)


def _nothing_sent(task: str | None, ledger: Ledger, known: frozenset[str]) -> Miss:
    return Miss(0, f"nothing is queued; {tasks_sent(ledger)}") if task is None else never_sent(task, ledger, known)
