"""Whether a scenario can be hardened at all: it must end well untouched, and every time in the same way."""

from __future__ import annotations

from itertools import zip_longest

from coldframe._core.event_json import event_to_line
from coldframe._core.events import Discarded, Event, Touched
from coldframe._harden.normal import TEMPORARY_NAME
from coldframe._harden.playing import Played, refused_hosts
from coldframe._harden.scenario import Scenario
from coldframe._harden.touches import effects
from coldframe._looking.timeline import timeline
from coldframe.errors import ScenarioError

#: How much of the story is told with an error.
LAST_LINES = 12

#: Why a node gives up a message that is no task of its.
NO_TASK = ("unknown task", "invalid")

#: How much of an event is told.
LONGEST_LINE = 400


def check_untouched(scenario: Scenario, played: Played, files: frozenset[str]) -> None:
    """Refuse a scenario that does not end well when nothing is broken.

    Args:
        scenario: What was run.
        played: The run.
        files: What the files of the databases are called that are put back.

    Raises:
        ScenarioError: It tells why.
    """
    hosts = refused_hosts(played.trace)
    ending = played.ending
    if hosts:
        raise ScenarioError(
            f"{scenario.name} reaches for {hosts[0]}, and a bench reaches no real host",
            hint=f"declare what it answers, or allow it: harden(..., allow=[{hosts[0]!r}])",
        )
    elsewhere = sorted(_written(played) - files)
    if elsewhere and scenario.reset is None:
        raise ScenarioError(
            f"{scenario.name} writes to SQLAlchemy's database {elsewhere[0]!r}, which is not put back between runs",
            hint="name its engine: harden(..., databases=[engine]); or put back what its tasks change: "
            "harden(..., reset=...)",
        )
    if ending.trouble:
        raise ScenarioError(
            f"{scenario.name} does not come to an end, although nothing was broken: {ending.trouble}",
            hint="let the scenario end: a task that sends itself again needs a limit, beat needs bench.advance(...)",
        )
    if ending.broken:
        raise ScenarioError(
            f"{scenario.name} breaks its own promise, although nothing was broken: {ending.broken[0]}\n"
            f"{timeline(played.trace, last=LAST_LINES)}",
            hint="correct the promise or the scenario first",
        )
    unknown = next((event for event in played.trace if isinstance(event, Discarded) and event.reason in NO_TASK), None)
    if unknown is not None:
        raise ScenarioError(
            f"{scenario.name} sends {unknown.task}, which no node runs ({unknown.reason})",
            hint="correct its name, or import the module that defines it",
        )
    if ending.in_vain:
        raise ScenarioError(
            f"{scenario.name} fails, although nothing was broken: {next(iter(ending.in_vain))} ended in vain\n"
            f"{timeline(played.trace, last=LAST_LINES)}",
            hint="correct the task, or what the scenario prepares; if it may fail, say so: bench.expect_failure(...)",
        )
    if ending.waiting:
        raise ScenarioError(
            f"{scenario.name} leaves a message of {next(iter(ending.waiting))} in its queue, "
            "although nothing was broken",
            hint="start a node that reads the queue: bench.node(queues=[...])",
        )
    if all(place.effect == "result.write" for place in effects(played.places)):
        raise ScenarioError(
            f"{scenario.name} touches nothing outside, so nothing can break",
            hint="does it send a task, and does the task do its work? coldframe.effect(...) declares what Coldframe "
            "does not see by itself",
        )


def _written(played: Played) -> set[str]:
    """The databases that were written to by libraries that do not tell where theirs are."""
    touched = (event for event in played.trace if isinstance(event, Touched) and event.effect == "sql.write")
    return {event.details["database"] for event in touched if "database" in event.details}


def check_same(scenario: Scenario, first: Played, second: Played) -> None:
    """Refuse a scenario that differs from run to run.

    Raises:
        ScenarioError: It tells the first event that differs.
    """
    for number, (one, other) in enumerate(zip_longest(first.trace, second.trace), start=1):
        told, again = _line(one), _line(other)
        if told != again:
            differs = next(place for place, pair in enumerate(zip_longest(told, again)) if pair[0] != pair[1])
            start = max(0, differs - LONGEST_LINE // 2)
            raise ScenarioError(
                f"{scenario.name} is not deterministic: event {number} was\n    {_shortened(told, start)}\n"
                f"  and the second time\n    {_shortened(again, start)}",
                hint="what differs between two runs in one process? Put it back with harden(..., reset=...), or take "
                "it from the bench: time, random numbers and ids are the same there",
            )


def _line(event: Event | None) -> str:
    return "nothing" if event is None else TEMPORARY_NAME.sub("tmp…", event_to_line(event))


def _shortened(line: str, start: int) -> str:
    """What is around the first difference."""
    begin, end = "…" if start else "", "…" if len(line) > start + LONGEST_LINE else ""
    return f"{begin}{line[start : start + LONGEST_LINE]}{end}"
