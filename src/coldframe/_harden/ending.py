"""What a run came to: rows, what reached the outside, what is left, and what went wrong."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import chain, zip_longest
from typing import Any

from coldframe._core.events import Event, Finished, Started, Touched
from coldframe._harden.normal import normal, normal_text
from coldframe._harden.state import Columns, Rows
from coldframe._looking.mail import essence

#: Effects that nobody outside sees, or that rows, files and messages show by what is left of them.
UNSEEN = ("sql.", "cache.", "redis.", "file.", "channels.", "publish", "result.")

#: Methods of HTTP by which the same request twice is the same as once.
IDEMPOTENT = ("PUT", "DELETE")

#: From this status on, a server has not done what it was asked for.
FIRST_REFUSAL = 400

#: What the other side said, and what each try of a request says of itself: when it was signed, how often it was tried.
OF_THE_TRY = ("status", "answer", "headers")

#: How much of what was said is shown around the place where it differs.
SHOWN_BEFORE, SHOWN_AFTER = 20, 30

#: Ends after which nobody will run the task again.
IN_VAIN = ("FAILURE", "LOST")


@dataclass(frozen=True, slots=True)
class Ending:
    """The end of one run of a scenario.

    Attributes:
        rows: By table.
        columns: What the columns of the rows are called, by table.
        sent: What reached the outside, each with how often.
        said: The same with all that it said.
        waiting: Messages that are left in queues.
        in_vain: Tasks whose last attempt failed or was lost, each with how often.
        trouble: Why the run never came to an end, if so.
        broken: The user's promises that were not kept, in their own words.
    """

    rows: Rows = field(default_factory=dict)
    columns: Columns = field(default_factory=dict)
    sent: Counter[str] = field(default_factory=Counter)
    said: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    waiting: Counter[str] = field(default_factory=Counter)
    in_vain: Counter[str] = field(default_factory=Counter)
    trouble: str = ""
    broken: tuple[str, ...] = ()


def sent_outside(events: Iterable[Event]) -> dict[str, list[dict[str, Any]]]:
    """What the tasks sent outside, as it is told and in full; what has an idempotency key counts once."""
    sent: dict[str, list[dict[str, Any]]] = {}
    keys: set[tuple[str, str]] = set()
    for event in events:
        if not isinstance(event, Touched) or event.outcome == "failed" or event.effect.startswith(UNSEEN):
            continue
        key = idempotency_key(event.details)
        if event.details.get("safe") or _was_refused(event) or (key is not None and (event.effect, key) in keys):
            continue
        if key is not None:
            keys.add((event.effect, key))
        sent.setdefault(normal_text(f"{event.effect} {event.what}"), []).append(event.details)
    return sent


def said_else(before: list[dict[str, Any]], after: list[dict[str, Any]]) -> str:
    """What was said other than it was to be said, moments and random ids aside; nothing if all is the same."""
    missing, extra = differences(Counter(map(_said, before)), Counter(map(_said, after)))
    if not missing or not extra:
        return ""
    wanted, found = min(missing), min(extra)
    place = next(place for place, pair in enumerate(zip_longest(wanted, found)) if pair[0] != pair[1])
    return f"{_around(place, found)} instead of {_around(place, wanted)}"


def _around(place: int, text: str) -> str:
    begin, end = max(0, place - SHOWN_BEFORE), place + SHOWN_AFTER
    return f"{'…' if begin else ''}{text[begin:end]}{'…' if end < len(text) else ''}"


def _said(details: dict[str, Any]) -> str:
    """What the other side goes by: the key if it has one, and not what each try says of itself in its headers."""
    if "message" in details and "recipients" in details:
        return repr(normal(essence(details)))
    key = idempotency_key(details)
    if key is not None:
        return key
    said = normal({name: value for name, value in details.items() if name not in OF_THE_TRY})
    return ", ".join(f"{name} {value!r}" for name, value in said)


def _was_refused(event: Touched) -> bool:
    return event.effect == "http.request" and int(event.details.get("status", 0)) >= FIRST_REFUSAL


def idempotency_key(details: dict[str, Any]) -> str | None:
    """By what the other side knows that it has seen this before."""
    if details.get("key") is not None:
        return str(details["key"])
    if details.get("method") in IDEMPOTENT:
        return f"{details['method']} {details.get('url')} {normal(details.get('body'))}"
    headers = details.get("headers") or {}
    pairs = headers.items() if isinstance(headers, dict) else map(tuple, headers)
    named = {str(name).lower(): value for name, value in chain(pairs, _json(details.get("body")).items())}
    return next((str(value) for name, value in named.items() if "idempotency" in name), None)


def _json(body: Any) -> dict[str, Any]:
    if not isinstance(body, str) or not body.startswith("{"):
        return {}
    try:
        values: dict[str, Any] = json.loads(body)
    except ValueError:
        return {}
    return values


def ended_in_vain(events: Iterable[Event], expected: Iterable[Callable[[Finished], bool]] = ()) -> Counter[str]:
    """The tasks whose last attempt came to nothing, but for failures that are expected."""
    expects = list(expected)
    last: dict[str, tuple[str, str]] = {}
    for event in events:
        if isinstance(event, Touched):
            if event.effect == "result.write" and event.what == "SUCCESS" and event.outcome != "failed":
                last[event.details["task_id"]] = ("", "SUCCESS")
        elif isinstance(event, Started | Finished) and last.get(event.task_id, ("", ""))[1] != "SUCCESS":
            last[event.task_id] = (event.task, _state_after(event, expects))
    return Counter(task for task, state in last.values() if state in (*IN_VAIN, "STARTED"))


def _state_after(event: Started | Finished, expected: list[Callable[[Finished], bool]]) -> str:
    if isinstance(event, Started):
        return "STARTED"
    is_expected = event.state == "FAILURE" and any(expects(event) for expects in expected)
    return "EXPECTED" if is_expected else event.state


def differences(before: Counter[Any], after: Counter[Any]) -> tuple[Counter[Any], Counter[Any]]:
    """What is missing, and what is too much."""
    return before - after, after - before
