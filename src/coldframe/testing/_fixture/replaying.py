"""`pytest TEST --coldframe-replay=PLAN`: the test's harden does one broken run again, and nothing else."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from coldframe import ColdframeError, SetupError
from coldframe._harden.debugging import PATIENCE_S, stops_before
from coldframe._harden.exploring import Explorer
from coldframe._harden.plans import plan_from_text
from coldframe._harden.replaying import replay
from coldframe._harden.results import Result

#: What the plugin is registered as.
REPLAYER = "coldframe-replay"

#: The plan, and before it which of several calls of `harden` in one test is meant.
WANTED = re.compile(r"(?:#(?P<number>\d+)/)?(?P<plan>.+)")


class Replayer:
    """Replays one run of the one test that is selected.

    Args:
        wanted: The plan, as in `4+kill-process`, or `#2/4+kill-process` for the second call of `harden`.
        whole: Whether all of the timeline is told.
        debug: Whether the debugger opens before each fault.
        config: Of pytest.
    """

    def __init__(self, wanted: str, *, whole: bool, debug: bool, config: pytest.Config) -> None:
        found = WANTED.fullmatch(wanted)
        if found is None:
            raise SetupError(f"--coldframe-replay={wanted} says no plan", hint="write it as in 4+kill-process")
        self._number = int(found["number"] or 1)
        self._plan = plan_from_text(found["plan"])
        self._whole = whole
        self._debug = debug
        self._config = config
        self._done = 0

    def replay(self, explorer: Explorer, number: int) -> Result:
        """Do the run; other calls of `harden` in the test are passed over."""
        scenario = explorer.scenario
        nothing = Result(scenario.name, (), (), 0.0, complete=False, planned=0)
        if number != self._number:
            return nothing
        if self._done:
            raise SetupError(
                "--coldframe-replay replays a run of one test, and several are selected",
                hint="name the test: coldframe replay ID does it",
            )
        self._done += 1
        watch = None
        if self._debug:
            explorer.scenario = replace(scenario, options={**scenario.options, "stuck_after": PATIENCE_S})
            watch = stops_before(self._plan, self._tell)
        try:
            done = replay(explorer, self._plan, watch)
        except ColdframeError as error:
            pytest.exit(f"error: {error}", returncode=pytest.ExitCode.USAGE_ERROR)
        self._tell(f"\n{done.told(whole=self._whole)}")
        if not done.held:
            raise pytest.fail.Exception(f"{done.report.verdict}, as told above", pytrace=False)
        return replace(nothing, reports=(done.report,), planned=1, complete=True)

    def _tell(self, text: str) -> None:
        capture = self._config.pluginmanager.get_plugin("capturemanager")
        assert capture is not None  # noqa: S101 - pytest has always one
        with capture.global_and_fixture_disabled():
            self._config.get_terminal_writer().line(text)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """A replay that never came about is no success."""
        if not self._done and session.exitstatus == pytest.ExitCode.OK:
            self._tell("\nerror: nothing was replayed: the test did not come to this call of harden")
            session.exitstatus = pytest.ExitCode.USAGE_ERROR
