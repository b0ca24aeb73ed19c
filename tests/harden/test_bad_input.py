"""A scenario that cannot be hardened: each is refused with what is wrong and the next step."""

from __future__ import annotations

import os
import socket
import tempfile
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from celery import Celery
from celery.exceptions import Reject

import coldframe
from coldframe import SetupError, harden
from coldframe.errors import ScenarioError


def refused(scenario: Any, app: Celery, text: str, **options: Any) -> None:
    """It is refused with this text."""
    with pytest.raises(ScenarioError, match=text):
        harden(scenario, app=app, name="it", **options)


def test_a_scenario_that_fails_untouched(app: Celery) -> None:
    @app.task(name="shop.fails")
    def fails() -> None:
        with coldframe.effect("sms", "to ada"):
            raise ValueError("no such number")

    refused(
        lambda bench: fails.delay(),
        app,
        r"(?s)it fails, although nothing was broken: shop.fails ended in vain\n.*ValueError\('no such number'\)"
        r".*hint: correct the task, or what the scenario prepares; if it may fail, say so",
    )


def test_a_scenario_that_breaks_its_own_promise(app: Celery, tell: Any) -> None:
    def nobody_is_told(bench: Any) -> bool:
        """Nobody is told."""
        return False

    refused(
        lambda bench: tell.delay("ada"),
        app,
        r"(?s)it breaks its own promise, although nothing was broken: Nobody is told\.\n.*hint: correct the promise",
        promises=nobody_is_told,
    )


def test_a_scenario_that_differs_from_run_to_run(app: Celery, tell: Any) -> None:
    numbers = count(1)
    refused(
        lambda bench: tell.delay(f"number {next(numbers)}"),
        app,
        r"(?s)it is not deterministic: event \d+ was\n    ….*number 1.*and the second time\n    ….*number 3.*"
        r"hint: what differs between two runs in one process\?",
    )


def test_a_scenario_that_never_ends(app: Celery) -> None:
    @app.task(name="shop.again")
    def again() -> None:
        again.delay()

    refused(
        lambda bench: again.delay(),
        app,
        r"it does not come to an end, although nothing was broken: .*\n  hint: let the scenario end",
    )


def test_a_scenario_that_reaches_for_a_host(app: Celery) -> None:
    @app.task(name="shop.fetch")
    def fetch() -> None:
        with coldframe.effect("sms", "to ada"):
            pass
        with suppress(OSError):
            socket.create_connection(("api.example.com", 443))

    refused(
        lambda bench: fetch.delay(),
        app,
        r"it reaches for api\.example\.com.*, and a bench reaches no real host\n  hint: declare what it answers, or",
    )


def test_a_scenario_that_touches_nothing(app: Celery) -> None:
    @app.task(name="shop.nothing", ignore_result=True)
    def nothing() -> None: ...

    refused(
        lambda bench: nothing.delay(), app, r"it touches nothing outside, so nothing can break\n  hint: does it send"
    )
    refused(lambda bench: None, app, r"it touches nothing outside")


def test_a_scenario_whose_messages_nobody_reads(app: Celery, tell: Any) -> None:
    refused(
        lambda bench: (
            (tell.delay("ada"), tell.apply_async(["ben"], queue="unread")) and bench.node("mail", queues=["celery"])
        ),
        app,
        r"it leaves a message of shop.tell in its queue, although nothing was broken\n  hint: start a node",
    )


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"faults": []}, r"no family of faults is chosen\n  hint: choose from: kills"),
        ({"faults": "kils"}, r"there is no family of faults 'kils'\n  hint: choose from: kills, twice"),
        (
            {"files": ["inbox"], "workers": 2},
            r"the files in inbox are put back where they are, and it would use them in several processes.*\n  hint",
        ),
        ({"budget": "soon"}, r"'soon' is no span of time\n  hint: write it as 30s, 5m or 1.5h"),
        ({"budget": -1}, r"-1 is no span of time"),
        ({"budget": True}, r"True is no span of time"),
        ({"runs": 0}, r"runs=0 makes no sense\n  hint: runs takes a whole number of at least 1"),
        ({"workers": "2"}, r"workers='2' makes no sense\n  hint: workers takes a whole number of at least 1"),
        ({"promises": ["kept"]}, r"promises=\['kept'\] makes no sense\n  hint: promises takes functions that look"),
        ({"databases": "sqlite://"}, r"databases='sqlite://' makes no sense\n  hint: databases takes engines of SQL"),
        ({"plan": 4}, r"plan=4 makes no sense\n  hint: plan takes the end of an id, as '4\+kill-process'"),
        ({"files": [3]}, r"files=\[3\] makes no sense\n  hint: files takes paths of directories"),
    ],
)
def test_an_option_that_makes_no_sense(app: Celery, tell: Any, options: dict[str, Any], text: str) -> None:
    with pytest.raises(SetupError, match=text):
        harden(lambda bench: tell.delay("ada"), app=app, name="it", **options)


def test_what_is_no_function_is_no_scenario(app: Celery) -> None:
    with pytest.raises(SetupError, match=r"a scenario is a function that starts work, not 'pay'\n  hint: pass it its"):
        harden("pay", app=app)  # type: ignore[arg-type]


def test_promises_may_be_iterated_over_only_once(app: Celery, tell: Any) -> None:
    asked = []
    harden(lambda bench: tell.delay("ada"), iter([asked.append]), app=app, name="it", runs=2)
    assert len(asked) == 4


def test_nothing_is_left_behind(app: Celery, tell: Any) -> None:
    harden(lambda bench: tell.delay("ada"), app=app, name="it", workers=2)
    refused(lambda bench: None, app, "it touches nothing")
    places = [Path(place) for place in ("/dev/shm", tempfile.gettempdir())]
    assert [path for place in places for path in place.glob(f"coldframe-{os.getpid()}-*")] == []


def test_a_scenario_that_differs_far_inside_an_event(app: Celery, tell: Any) -> None:
    numbers = count(1)
    refused(
        lambda bench: tell.delay("ada", text=f"{'x' * 900} {next(numbers)}"),
        app,
        r"(?s)it is not deterministic: event 1 was\n    ….*x 1.*and the second time\n    ….*x 3.*hint: what differs",
    )


def test_a_scenario_whose_task_no_node_knows(app: Celery, tell: Any) -> None:
    refused(
        lambda bench: (tell.delay("ada"), app.send_task("shop.tel")),
        app,
        r"it sends shop.tel, which no node runs \(unknown task\).*\n  hint: correct its name",
    )


def test_a_task_that_gives_its_message_back_for_ever(app: Celery) -> None:
    @app.task(name="shop.poison")
    def poison() -> None:
        with coldframe.effect("sms", "to ada"):
            raise Reject("later", requeue=True)

    refused(
        lambda bench: poison.delay(),
        app,
        r"it does not come to an end.*: shop.poison \[.*\] is delivered again for ever: .* this was try number 60",
    )


def test_a_family_of_faults_that_has_no_place(app: Celery, tell: Any) -> None:
    @app.task(name="shop.plain")
    def plain() -> None:
        with coldframe.effect("sms", "to ada"):
            pass

    refused(
        lambda bench: plain.delay(),
        app,
        r"it has no place at which failures could break it\n  hint: choose other faults",
        faults=" failures",
    )
