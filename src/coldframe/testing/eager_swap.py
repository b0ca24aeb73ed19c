"""`pytest --coldframe=eager-swap`: tests written for eager mode run on the bench, too; those that differ are listed.

Each test runs as it is. If it used eager mode, or left `on_commit` callbacks behind, it runs a second time on a bench,
with fresh fixtures. The second outcome is the one that pytest reports.
"""

from __future__ import annotations

import unittest
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

from coldframe.testing import eager_swap_summary as summary
from coldframe.testing.eager_swap_queues import queues_of_workers
from coldframe.testing.eager_swap_rerun import Leftovers, can_run_again, finish, outcome_of, run_quietly
from coldframe.testing.eager_swap_turn import BenchTurn, EagerTurn, Verdict, as_reasons, failure_of

#: These fixtures bring a worker or a bench of their own: such a test was not written for eager mode.
OWN_WORKERS = frozenset({"celery_worker", "celery_session_worker", "celery_setup", "coldframe"})

#: Fixtures of pytest-django that open the test's transaction; the bench opens inside it.
DATABASE_FIXTURES = frozenset({"db", "transactional_db", "django_db_reset_sequences", "django_db_serialized_rollback"})
DATABASE_HELPER = "_django_db_helper"

#: Why a test was not judged.
MADE_INSIDE = "its tasks did not come to the bench: make the app in a module or in a fixture, not inside the test"
NEEDS_DATABASE = "a worker stores its results in the database, which the test may not touch: mark it with django_db"

#: Under this name a verdict travels on a report, also from xdist's workers.
CARRIED = "coldframe_eager_swap"


class EagerSwapPlugin:
    """The pytest plugin behind `--coldframe=eager-swap`.

    Args:
        config: pytest's configuration.
        report: Where to write the verdicts as JSON.
    """

    def __init__(self, config: pytest.Config, report: Path | None = None) -> None:
        self._config = config
        self._report = report
        self._verdicts: list[Verdict] = []
        self._turn: EagerTurn | BenchTurn | None = None
        self._queues = queues_of_workers(config.rootpath)

    # --- running ----------------------------------------------------------------------------------------

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
        """Run the test, a second time on a bench if it used eager mode, and report the last run."""
        if not can_run_again(item) or OWN_WORKERS.intersection(getattr(item, "fixturenames", ())):
            return None
        hooks = item.ihook
        hooks.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
        reports, verdict = self._judge(item)
        if (torn_down := finish(item, nextitem)) is not None:
            reports.append(torn_down)
        setattr(reports[-1], CARRIED, verdict.as_data())
        for report in reports:
            hooks.pytest_runtest_logreport(report=report)
        hooks.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
        return True

    def _judge(self, item: pytest.Item) -> tuple[list[pytest.TestReport], Verdict]:
        leftovers = Leftovers(self._config.rootpath)
        eager = EagerTurn()
        reports = self._run(item, eager)
        outcome = outcome_of(reports)
        if eager.log.is_empty or reports[0].failed:
            return reports, Verdict(item.nodeid, outcome)
        leftovers.put_back()
        bench = BenchTurn(eager, tuple(self._queues), item.nodeid)
        swapped = self._run(item, bench)
        if not bench.was_open:
            return reports, Verdict(item.nodeid, outcome, note=f"not on a bench: {bench.refused}")
        verdict = Verdict(item.nodeid, outcome, outcome_of(swapped))
        if not verdict.is_changed:
            if bench.missed_all:
                return reports, Verdict(item.nodeid, outcome, note=MADE_INSIDE)
            return swapped, verdict
        if bench.lacks_database:
            return reports, Verdict(item.nodeid, outcome, note=NEEDS_DATABASE)
        if outcome == "passed":
            leftovers.put_back()
            again = outcome_of(self._run(item, EagerTurn()))
            if again != outcome:
                note = f"{outcome}, and {again} when it ran again under eager mode: it cannot run twice in a process"
                return reports, Verdict(item.nodeid, outcome, note=note)
        reasons = as_reasons(bench.reasons(self._tried(item, eager, bench, outcome, leftovers)))
        _explain_in_report(swapped, reasons, bench.timeline)
        return swapped, Verdict(item.nodeid, outcome, verdict.bench, reasons)

    def _tried(
        self, item: pytest.Item, eager: EagerTurn, bench: BenchTurn, outcome: str, leftovers: Leftovers
    ) -> dict[str, bool]:
        """Further runs that each leave one thing out, where several may explain the outcome."""
        tried = {}
        for name in bench.to_try():
            leftovers.put_back()
            again = self._run(item, BenchTurn(eager, tuple(self._queues), item.nodeid, leave_out=name))
            tried[name] = outcome_of(again) == outcome
        return tried

    def _run(self, item: pytest.Item, turn: EagerTurn | BenchTurn) -> list[pytest.TestReport]:
        self._turn = turn
        try:
            if isinstance(turn, EagerTurn):
                with turn.noting():
                    return run_quietly(item)
            return run_quietly(item)
        finally:
            self._turn = None

    # --- the bench around a test ------------------------------------------------------------------------

    @pytest.fixture(autouse=True)
    def _coldframe_eager_swap(self, request: pytest.FixtureRequest) -> Iterator[None]:
        """Open the bench inside the test's own transaction, and before its other fixtures."""
        turn = self._turn
        if not isinstance(turn, BenchTurn):
            if turn is not None:
                turn.log.forget()
            yield
            return
        if isinstance(request.instance, unittest.TestCase):
            _open_before_setup(request.instance, turn)
            yield
            return
        marked = request.node.get_closest_marker("django_db") is not None
        if marked or DATABASE_FIXTURES.intersection(request.fixturenames):
            request.getfixturevalue(DATABASE_HELPER)
        if turn.opens_before_fixtures:
            turn.open()
        try:
            yield
        finally:
            turn.close()

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, Any, Any]:
        """Let what goes wrong on the bench only be a failure of the test itself."""
        turn = self._turn
        if not isinstance(turn, BenchTurn) or isinstance(getattr(item, "instance", None), unittest.TestCase):
            return (yield)
        is_late = not (turn.is_open or turn.refused)
        if is_late:
            turn.open()
        try:
            result = yield
            turn.complain()
        finally:
            if is_late:
                turn.close()
        return result

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Remember how the test failed on the bench."""
        report = yield
        turn = self._turn
        if isinstance(turn, BenchTurn) and report.failed and call.excinfo is not None and turn.failure is None:
            turn.failure = failure_of(call.excinfo)
        return report

    # --- telling ----------------------------------------------------------------------------------------

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Collect the verdicts, also those of xdist's workers."""
        data = getattr(report, CARRIED, None)
        if data is not None:
            self._verdicts.append(Verdict.from_data(data))

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """List the tests whose outcome changed."""
        verdicts = sorted(self._verdicts, key=lambda verdict: verdict.nodeid)
        terminalreporter.section(summary.headline(verdicts))
        for line in summary.lines(verdicts):
            terminalreporter.write_line(line)

    def pytest_sessionfinish(self) -> None:
        """Write the report."""
        if self._report is not None and not hasattr(self._config, "workerinput"):
            summary.write(sorted(self._verdicts, key=lambda verdict: verdict.nodeid), self._report)


def _open_before_setup(case: Any, turn: BenchTurn) -> None:
    """unittest enters the transaction of a Django test before it calls `setUp`: between both the bench is opened."""
    set_up, run_method = case._callSetUp, case._callTestMethod  # noqa: SLF001 - unittest has no public place

    def call_setup(*args: Any) -> Any:
        turn.open()
        case.addCleanup(turn.close)
        return set_up(*args)

    def call_method(method: Any) -> None:
        run_method(method)
        turn.complain()

    case._callSetUp, case._callTestMethod = call_setup, call_method  # noqa: SLF001


def _explain_in_report(reports: list[pytest.TestReport], reasons: tuple[dict[str, str], ...], timeline: str) -> None:
    """Let the failure itself say why it passed under eager mode."""
    text = [f"{reason['kind']}: {reason['text']}\nnext: {reason['next_step']}" for reason in reasons[:3]]
    for report in reports:
        if report.failed:
            report.sections.append((summary.TITLE, "\n".join([*text, "", timeline])))
            return
