"""Runs a scenario untouched, finds its places, and breaks it at each of them until the budget ends."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext, suppress
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import Self

from coldframe._celery.apps import find_app, import_tasks
from coldframe._effects.gate import Gate
from coldframe._harden import planning
from coldframe._harden.advising import advice
from coldframe._harden.broken_tasks import fate_of
from coldframe._harden.checking import check_same, check_untouched
from coldframe._harden.django_state import find_django
from coldframe._harden.engines import find_engines
from coldframe._harden.judging import Judgement, judge
from coldframe._harden.plans import Plan, plan_to_text
from coldframe._harden.playing import COMES_AGAIN_AFTER, Played, play, set_up
from coldframe._harden.project import rolled_back_databases
from coldframe._harden.redis import Redis
from coldframe._harden.results import Report, Result
from coldframe._harden.scenario import Scenario
from coldframe._harden.state import Directory, Part, State
from coldframe._harden.telling import Surroundings, cause_of, happened, place_of, surroundings
from coldframe._harden.touches import Place, effects
from coldframe._harden.varying import varying
from coldframe._harden.verdicts import HELD, VACUOUS
from coldframe.errors import ScenarioError

#: Told after each run: what came of it, and how many plans are known.
Progress = Callable[[Report, int], object]

#: The places of runs by their plans, for plans that go on from them.
Known = Mapping[Plan, tuple[Place, ...]]

#: What comes of one plan: the report, and the places of that run.
Done = tuple[Report, tuple[Place, ...]]

#: Runs plans, and gives what is done in their order.
Run = Callable[[list[Plan], Known], Iterator[tuple[Plan, Done]]]


@dataclass(frozen=True, slots=True)
class Limits:
    """Where exploring ends."""

    seconds: float | None = None
    runs: int | None = None
    fail_fast: bool = False

    def may_end_before(self, runs: int) -> bool:
        """Whether so many runs may be too many."""
        return self.seconds is not None or (self.runs is not None and self.runs < runs)


@dataclass
class Explorer:
    """Explores one scenario.

    Args:
        scenario: What is run.
        families: Which families of faults are tried.
        limits: When to end.
        seed: Decides which pairs are tried first.
        elsewhere: Opens what runs the plans in other processes.
        only: The one plan to run.
        progress: Told after each run.
    """

    scenario: Scenario
    families: tuple[str, ...] = planning.DEFAULT
    limits: Limits = field(default_factory=Limits)
    seed: int = 0
    elsewhere: Callable[[Explorer], AbstractContextManager[Run]] | None = None
    only: Plan | None = None
    progress: Progress = lambda report, planned: None

    def explore(self) -> Result:
        """Run everything that is planned, as far as the limits allow; an interrupt keeps what is done."""
        started = _now()
        with self.ready(), collecting_little():
            check_same(self.scenario, self._untouched, play(self.scenario, self._state))
            reports: list[Report] = []
            self._planned = 0
            self._order: dict[str, int] = {}
            complete = False
            with suppress(KeyboardInterrupt):
                complete = self._run_all(reports, started)
        return Result(
            scenario=self.scenario.name,
            reports=tuple(sorted(reports, key=self._place_in_order)),
            places=tuple(map(str, effects(self._untouched.places))),
            seconds=_now() - started,
            complete=complete,
            planned=self._planned,
        )

    def _place_in_order(self, report: Report) -> int:
        """In whichever order they were run, single faults are told in the order of their plans, and then pairs."""
        return self._order.get(report.id.rpartition("/")[2], len(self._order))

    @contextmanager
    def ready(self) -> Iterator[Self]:
        """Remember the world, and run the scenario untouched."""
        # Before any bench opens: what modules of tasks say in `app.conf` is put back when the bench closes on which
        # they were imported, and they are not imported again.
        import_tasks(find_app(self.scenario.app))
        with state_of(self.scenario) as self._state:
            self._again: dict[Plan, tuple[Place, ...]] = {}
            self._untouched = play(self.scenario, self._state)
            check_untouched(self.scenario, self._untouched, self._state.files())
            self._varying = self._what_varies()
            yield self

    def _what_varies(self) -> frozenset[str]:
        """What need not be the same; where promises decide, nobody asks."""
        if self.scenario.promises:
            return frozenset()
        other = play(self.scenario, self._state, draws=1, later=COMES_AGAIN_AFTER)
        return varying(self._untouched.ending, other.ending)

    @property
    def untouched(self) -> Played:
        """The run to which nothing happens."""
        return self._untouched

    def signature(self) -> tuple[str, ...]:
        """The places of the untouched run, in words: the same in each process."""
        return tuple(f"{place.effect} {place.what}".strip() for place in self._untouched.places)

    def learn(self, known: Known) -> None:
        """What another process knows of runs that the next plans go on from."""
        self._again.update(known)

    def move(self, name: str) -> None:
        """Use files of one's own from here on: this process was forked."""
        self._state.move(name)

    def _run_all(self, reports: list[Report], started: float) -> bool:
        singles = self._first_plans()
        if not singles:
            raise ScenarioError(
                f"{self.scenario.name} has no place at which {', '.join(self.families)} could break it",
                hint="choose other faults, or leave them out: all but database and results are tried then",
            )
        self._planned = len(singles)
        self._order = {plan_to_text(plan): number for number, plan in enumerate(singles)}
        if self.limits.may_end_before(len(singles)):
            singles = planning.spread(singles)
        with ExitStack() as stack:
            run = self._runner(stack)
            held: list[Plan] = []
            self._known: set[str] = set()
            for plan, report in run(singles):
                if self._is_over(started, reports, report):
                    return False
                if report.verdict == HELD:
                    held.append(plan)
                else:
                    self._known.add(report.cause)
            if planning.PAIRS not in self.families or self.only is not None:
                return True
            pairs = self._pairs(held)
            self._planned += len(pairs)
            told = (self._told_once(report) for _plan, report in run(pairs))
            return not any(self._is_over(started, reports, report) for report in told)

    def _told_once(self, report: Report) -> Report:
        """A second fault that breaks a run by itself, too, is no news: it belongs to that cause."""
        last = report.cause.rpartition("; ")[2]
        return replace(report, cause=last) if last in self._known else report

    def _is_over(self, started: float, reports: list[Report], report: Report) -> bool:
        reports.append(report)
        self.progress(report, self._planned)
        limits = self.limits
        return (
            (limits.fail_fast and report.verdict != HELD)
            or (limits.runs is not None and len(reports) >= limits.runs)
            or (limits.seconds is not None and _now() - started >= limits.seconds)
        )

    def _pairs(self, held: list[Plan]) -> list[Plan]:
        """A second fault in runs that survived the first: in an order that the seed decides."""
        found = chain.from_iterable(
            planning.second_faults(plan, self._again[plan]) for plan in held if plan in self._again
        )
        return planning.shuffled(list(found), self.seed)[: self._planned]

    # --- running ----------------------------------------------------------------------------------------

    def _first_plans(self) -> list[Plan]:
        if self.only is None:
            return list(planning.single_faults(self._untouched.places, self.families))
        for index in range(1, len(self.only)):
            self._again[self.only[:index]] = play(self.scenario, self._state, self.only[:index]).places
        return [self.only]

    def _runner(self, stack: ExitStack) -> Callable[[list[Plan]], Iterator[tuple[Plan, Report]]]:
        run = self._run_here if self.elsewhere is None else stack.enter_context(self.elsewhere(self))

        def run_and_learn(plans: list[Plan]) -> Iterator[tuple[Plan, Report]]:
            for plan, (report, places) in run(plans, self._again):
                self._again[plan] = places
                yield plan, report

        return run_and_learn

    def _run_here(self, plans: list[Plan], known: Known) -> Iterator[tuple[Plan, Done]]:
        for plan in plans:
            yield plan, self.broken_run(plan)

    def broken_run(self, plan: Plan) -> Done:
        """Run the scenario broken as planned, and judge what came of it."""
        began = _now()
        played = play(self.scenario, self._state, plan)
        return self._report(played, (_now() - began) * 1000), played.places

    def replay(self, plan: Plan, watch: Callable[[Gate], object] | None = None) -> tuple[Report, Played]:
        """Run the scenario broken as planned, and give all that is known of the run.

        Args:
            plan: What to break; nothing for the untouched run.
            watch: Told of the gate before anything has passed it.
        """
        self.only = plan
        with self.ready():
            self._first_plans()
            began = _now()
            played = play(self.scenario, self._state, plan, watch)
            return self._report(played, (_now() - began) * 1000), played

    def _report(self, played: Played, milliseconds: float) -> Report:
        around = [self._surroundings(played.plan, index) for index in range(len(played.plan))]
        if played.never_fired:
            judgement = Judgement(VACUOUS, (f"{played.never_fired[0]} never came about",))
        else:
            judgement = judge(
                self._untouched.ending,
                played.ending,
                promises=bool(self.scenario.promises),
                ignore=self.scenario.ignore | self._varying,
            )
        step, last = played.plan[-1], around[-1]
        return Report(
            id=f"{self.scenario.name}/{plan_to_text(played.plan)}",
            fault=step.fault,
            verdict=judgement.verdict,
            story=", then ".join(map(happened, played.plan, around)),
            facts=judgement.facts,
            advice="" if judgement.verdict == HELD else self._advice(played, last, judgement.verdict),
            cause="; ".join(map(cause_of, played.plan, around)),
            place=place_of(step, last),
            lines=last.lines,
            milliseconds=round(milliseconds, 3),
        )

    def _advice(self, played: Played, around: Surroundings, verdict: str) -> str:
        fate = fate_of(played.trace, around.before, played.places, self._untouched.places)
        return advice(played.plan[-1], around, verdict, fate)

    def _surroundings(self, plan: Plan, index: int) -> Surroundings:
        """Between which effects a fault fell: those of the run as it was before this fault came."""
        places = self._again.get(plan[:index], self._untouched.places) if index else self._untouched.places
        return surroundings(plan[index], places)


def state_of(scenario: Scenario) -> State:
    """What is put back between the runs of a scenario."""
    redis = Redis()

    def prepare(directory: Path, stack: ExitStack) -> Iterable[Part]:
        named = [
            *find_engines(scenario.databases, directory, stack, scenario.ignore),
            *(Directory(Path(path).absolute(), directory, stack) for path in scenario.files),
        ]
        with rolled_back_databases() if scenario.setup is not None else nullcontext():
            set_up(scenario, redis)
            yield from find_django(directory, stack, scenario.ignore)
        for part in named:
            part.remember()
            yield part

    return State(prepare, scenario.reset, redis)


@contextmanager
def collecting_little() -> Iterator[None]:
    """What is in memory now is there to stay: the garbage collector need not look at it again after each run."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def _now() -> float:
    return time.perf_counter()  # noqa: TID251 - how long the runs themselves take
