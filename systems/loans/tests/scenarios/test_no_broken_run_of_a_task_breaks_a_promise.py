"""Each background task is broken at its places, one after the other, for a fixed while; `coldframe harden` does all."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
from coldframe import Bench
from django.db import transaction

from crm_backend.celery import app
from tests.scenarios.hardened import requests, sweeps

pytestmark = [pytest.mark.django_db, pytest.mark.task]

Scenario = Callable[[Bench], object]

#: Of each scenario; more runs are made by `make check`, and all of them by `coldframe harden`.
BUDGET = "3s"


def marked(*modules: ModuleType) -> dict[str, Scenario]:
    """The scenarios of some modules by their names."""
    return {
        name: value
        for module in modules
        for name, value in vars(module).items()
        if hasattr(value, "__coldframe_scenario__")
    }


SCENARIOS = marked(requests, sweeps)


@pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=SCENARIOS)
def test_wherever_it_breaks(harden: Callable[..., Any], scenario: Scenario) -> None:
    harden(scenario, budget=BUDGET)


def test_each_task_has_a_scenario(db: None) -> None:
    ran: set[str] = set()
    for scenario in SCENARIOS.values():
        said = scenario.__coldframe_scenario__  # type: ignore[attr-defined]
        with transaction.atomic(), Bench(app, start=said["start"], unread="collect") as bench:
            said.get("setup", lambda: None)()
            scenario(bench)
            bench.settle()
            ran |= {run.task for run in bench.runs()}
            transaction.set_rollback(True)
    own = {name for name in app.tasks if not name.startswith(("celery.", "tests."))}
    assert sorted(own - ran) == []
