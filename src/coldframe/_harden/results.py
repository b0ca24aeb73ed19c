"""The result of hardening a scenario, as data."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from coldframe._harden.verdicts import HELD, VACUOUS
from coldframe.errors import NotHardened, SetupError, hides_frames

__tracebackhide__ = hides_frames

VERSION = 1

#: The kinds of faults in the order in which causes are told: what every user will meet, and then what is rarer.
ORDER: tuple[str | tuple[str, ...], ...] = ("kill", "redeliver", ("overlap", "pause"), ("fail", "unknown"))

#: What replays a run, before its id.
REPLAY = "coldframe replay"


@dataclass(frozen=True, slots=True)
class Report:
    """One broken run.

    Attributes:
        id: What replays exactly this run.
        fault: What was done, such as `kill process`.
        verdict: held, lost, duplicated, diverged, stuck or vacuous.
        story: What happened where, in a line.
        facts: What came of it, one in a line.
        advice: What to do about it.
        cause: What other runs share that broke in the same way.
        place: The effect at which it was broken.
        lines: The lines of the project's code before and after the last fault, as `billing/tasks.py:88`; empty where
            there is none. The second one is the effect that failed, if one did.
        milliseconds: How long the run took.
    """

    id: str
    fault: str
    verdict: str
    story: str
    facts: tuple[str, ...]
    advice: str
    cause: str
    place: str
    lines: tuple[str, str]
    milliseconds: float


@dataclass(frozen=True, slots=True)
class Cause:
    """Broken runs that share their cause; the first is the simplest."""

    verdict: str
    reports: tuple[Report, ...]
    replay: str = REPLAY

    @property
    def simplest(self) -> Report:
        """The one to look at."""
        return self.reports[0]

    @property
    def command(self) -> str:
        """What replays the simplest run."""
        return f"{self.replay} {shlex.quote(self.simplest.id)}"

    def __str__(self) -> str:
        report = self.simplest
        told = f"{self.verdict}: {report.story}: {'; '.join(report.facts[:3])}"
        others = len(self.reports) - 1
        more = f"\n  and {others} more run{'s' if others > 1 else ''} like this" if others else ""
        return f"{told}\n  {report.advice}\n  {self.command}{more}"


@dataclass(frozen=True, slots=True)
class Result:
    """What came of all runs of a scenario.

    Attributes:
        scenario: Its name.
        reports: One for each broken run, in the order of the plans.
        places: The effects of the untouched run, as they are told.
        seconds: How long it took.
        complete: Whether all plans were run, or the budget ended before.
        planned: How many plans there were.
        allow_vacuous: Whether a fault that never came about is all right.
        replay: The command that replays a run, without the id.
    """

    scenario: str
    reports: tuple[Report, ...]
    places: tuple[str, ...]
    seconds: float
    complete: bool
    planned: int
    allow_vacuous: bool = False
    replay: str = REPLAY

    @property
    def held(self) -> bool:
        """Whether every run held."""
        return not self.causes

    @property
    def verdicts(self) -> Counter[str]:
        """How many runs came to each verdict."""
        return Counter(report.verdict for report in self.reports)

    @property
    def causes(self) -> tuple[Cause, ...]:
        """What broke, each cause once: deaths first, as they come to everybody, and what takes two faults last."""
        fine = (HELD, VACUOUS) if self.allow_vacuous else (HELD,)
        groups: dict[tuple[str, str], list[Report]] = {}
        for report in self.reports:
            if report.verdict not in fine:
                groups.setdefault((report.verdict, report.cause), []).append(report)
        found = [Cause(verdict, tuple(reports), self.replay) for (verdict, _cause), reports in groups.items()]
        return tuple(sorted(found, key=lambda cause: _rank(cause.simplest)))

    def check(self) -> None:
        """Raise unless every run held.

        Raises:
            NotHardened: It tells each cause once.
        """
        if not self.held:
            raise NotHardened(str(self), hint=f"replay one: {self.causes[0].command}")

    def told_with(self, replay: str) -> Result:
        """The same, replayed by another command."""
        return replace(self, replay=replay)

    def to_json(self) -> dict[str, Any]:
        """Everything as values that JSON knows; `coldframe/_harden/result.schema.json` describes them."""
        return {
            "coldframe_harden": VERSION,
            "scenario": self.scenario,
            "held": self.held,
            "complete": self.complete,
            "planned": self.planned,
            "seconds": round(self.seconds, 3),
            "verdicts": dict(self.verdicts),
            "allow_vacuous": self.allow_vacuous,
            "replay": self.replay,
            "places": list(self.places),
            "reports": [_to_json(report) for report in self.reports],
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Result:
        """A result again from what `to_json` gave.

        Raises:
            SetupError: It is none, or of another version.
        """
        version = values.get("coldframe_harden") if isinstance(values, Mapping) else None
        if version != VERSION:
            raise SetupError(
                f"this is no result of harden that can be read: coldframe_harden is {version!r}, not {VERSION}",
                hint="take what Result.to_json() of this release gave; of a file of `--json`, one of its results",
            )
        return cls(
            scenario=values["scenario"],
            reports=tuple(map(_from_json, values["reports"])),
            places=tuple(values["places"]),
            seconds=values["seconds"],
            complete=values["complete"],
            planned=values["planned"],
            allow_vacuous=values["allow_vacuous"],
            replay=values["replay"],
        )

    def __str__(self) -> str:
        return "\n".join(_lines(self))


def _rank(report: Report) -> tuple[bool, bool, int]:
    takes_two = "," in report.id.rpartition("/")[2]
    kind = next((place for place, begin in enumerate(ORDER) if report.fault.startswith(begin)), len(ORDER))
    return report.verdict == VACUOUS, takes_two, kind


def _to_json(report: Report) -> dict[str, Any]:
    return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(report).items()}


def _from_json(told: Mapping[str, Any]) -> Report:
    values: dict[str, Any] = {field.name: told[field.name] for field in fields(Report)}
    for name, value in values.items():
        if isinstance(value, list):
            values[name] = tuple(value)
    return Report(**values)


def _lines(result: Result) -> Iterable[str]:
    told = ", ".join(f"{count} {verdict}" for verdict, count in result.verdicts.most_common())
    yield f"{result.scenario}: {len(result.reports)} broken runs in {result.seconds:.1f} s: {told or 'none'}"
    for cause in result.causes:
        yield str(cause)
    if not result.complete:
        yield f"the budget ended after {len(result.reports)} of {result.planned} plans: give it more, or choose faults"
