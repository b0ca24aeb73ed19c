"""One broken run once more, as its id says, and its story."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from coldframe._core.events import Broken
from coldframe._effects.gate import Gate
from coldframe._harden.exploring import Explorer
from coldframe._harden.plans import Plan, plan_from_text
from coldframe._harden.playing import Played
from coldframe._harden.results import Report
from coldframe._harden.verdicts import HELD, VACUOUS
from coldframe._looking.timeline import timeline
from coldframe.errors import ScenarioError, SetupError

#: How many lines of the timeline are told before the first fault, and after it.
LINES_BEFORE, LINES_AFTER = 10, 15

#: What the last part of an id looks like.
PLAN = re.compile(r"\d+[-+][a-z]")


def split_id(run_id: str) -> tuple[str, str]:
    """The scenario of an id, and its plan as text.

    Raises:
        SetupError: It has no plan.
    """
    scenario, slash, plan = run_id.rpartition("/")
    if not slash or not scenario or not PLAN.match(plan):
        raise SetupError(
            f"{run_id!r} is no id of a broken run: it has no plan at its end",
            hint="copy the whole id from the report: it ends like /12+kill-process or /7-fail:timeout,9-pause",
        )
    plan_from_text(plan)
    return scenario, plan


@dataclass(frozen=True, slots=True)
class Replayed:
    """A run that was done once more.

    Attributes:
        report: What came of it.
        played: All that happened.
    """

    report: Report
    played: Played

    @property
    def held(self) -> bool:
        """Whether it held this time."""
        return self.report.verdict == HELD

    def told(self, *, whole: bool) -> str:
        """The timeline, the verdict and the story.

        Args:
            whole: All of the timeline, not only what was around the first fault.
        """
        report = self.report
        lines = self._timeline(whole=whole)
        lines += ["", f"{report.verdict}: {report.story}", *(f"  {fact}" for fact in report.facts)]
        return "\n".join([*lines, f"  {report.advice}"] if report.advice else lines)

    def _timeline(self, *, whole: bool) -> list[str]:
        trace = self.played.trace
        lines = timeline(trace).splitlines()
        broken = next((index for index, event in enumerate(trace) if isinstance(event, Broken)), None)
        if whole or broken is None:
            return lines
        fault = len(timeline(trace[: broken + 1]).splitlines())
        start, end = max(0, fault - 1 - LINES_BEFORE), fault + LINES_AFTER
        before = [f"… {start} lines before: --timeline"] if start > 0 else []
        after = [f"… {len(lines) - end} lines more: --timeline"] if end < len(lines) else []
        return [*before, *lines[start:end], *after]


def replay(explorer: Explorer, plan: Plan, watch: Callable[[Gate], object] | None = None) -> Replayed:
    """Run a scenario broken as a plan says.

    Args:
        explorer: Of the scenario.
        plan: What to break.
        watch: Told of the gate of the broken run.

    Raises:
        ScenarioError: A fault of the plan never came about: the code is not the one that the plan was made for.
    """
    report, played = explorer.replay(plan, watch)
    if report.verdict == VACUOUS:
        raise ScenarioError(
            f"{report.id} does not fit any more: {report.facts[0]}",
            hint="the code has changed since this id was made: run harden again for a new one",
        )
    return Replayed(report, played)
