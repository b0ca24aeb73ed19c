"""`@coldframe.scenario`: what it says goes with the function."""

from __future__ import annotations

import time
from typing import Any

import pytest
from celery import Celery

import coldframe
from coldframe import Bench, SetupError, harden
from coldframe._harden.calling import known_options


def test_what_a_scenario_is_marked_with_is_taken_unless_the_call_says_other(app: Celery, tell: Any) -> None:
    @coldframe.scenario(app=app, faults="kills")
    def telling(bench: Bench) -> None:
        tell.delay("ada", key="ada-1")

    assert len(harden(telling, ignore=["nothing"]).reports) == 7
    assert {report.fault for report in harden(telling, faults="twice").reports} == {"redeliver"}


def test_a_marked_function_stays_what_it_was() -> None:
    def plain(bench: object) -> str:
        return f"called with {bench}"

    assert coldframe.scenario(budget="5s")(plain) is plain
    assert coldframe.scenario(plain) is plain
    assert plain("a bench") == "called with a bench"


def test_the_set_up_is_called_once_before_all_runs(app: Celery, tell: Any) -> None:
    called = []
    result = harden(
        lambda bench: called.append("run") or tell.delay("ada", key="1"),  # type: ignore[func-returns-value]
        app=app,
        faults="twice",
        setup=lambda: called.append("set up"),
    )
    assert called == ["set up", *["run"] * (3 + len(result.reports))]


def test_the_set_up_is_called_at_the_first_moment_of_a_run(app: Celery, tell: Any) -> None:
    moments = []
    harden(
        lambda bench: moments.append(("run", time.time())) or tell.delay("ada", key="1"),  # type: ignore[func-returns-value]
        app=app,
        runs=1,
        start="2030-01-01T00:00+00:00",
        setup=lambda: moments.append(("set up", time.time())),
    )
    begun = [moment - 1893456000.0 for what, moment in moments if what == "run"]
    assert moments[0] == ("set up", 1893456000.0)
    assert begun == [0.0, 1.0, 0.0, 0.0]  # the second one shows what is made from the time


def test_one_plan_alone_can_be_run(app: Celery, tell: Any) -> None:
    result = harden(lambda bench: tell.delay("ada"), app=app, name="tell", plan="2+kill-process")
    (report,) = result.reports
    assert (report.id, report.verdict) == ("tell/2+kill-process", "duplicated")
    assert (result.complete, result.planned) == (True, 1)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            {"bugdet": "5s"},
            "@coldframe.scenario has no option 'bugdet'\n  hint: did you mean 'budget'\\? It takes: prom",
        ),
        ({"name": "pay"}, "@coldframe.scenario has no option 'name'"),
        ({"failures": "raise"}, "@coldframe.scenario has no option 'failures'"),
    ],
)
def test_a_word_that_harden_does_not_know_is_refused(options: dict[str, Any], said: str) -> None:
    with pytest.raises(SetupError, match=said):
        coldframe.scenario(**options)


def test_an_argument_without_a_name_is_refused() -> None:
    with pytest.raises(SetupError, match=r"@coldframe\.scenario was given 'shop' without a name"):
        coldframe.scenario("shop")  # type: ignore[call-overload]


def test_without_an_app_there_is_nothing_to_run_on() -> None:
    with pytest.raises(
        SetupError, match=r"the app of the scenario pay is not known\n  hint: name it: harden\(\.\.\., app="
    ):
        harden(lambda bench: None, name="pay")


def test_unknown_options_of_harden_are_refused_with_the_nearest(app: Celery) -> None:
    with pytest.raises(SetupError, match=r"harden has no option 'wrokers'\n  hint: did you mean 'workers'\?"):
        harden(lambda bench: None, app=app, wrokers=2)
    assert {"app", "promises", "setup", "plan", "start", "profile"} <= set(known_options())
