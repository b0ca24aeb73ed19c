"""Two people at the same application at the same moment, each with a connection of their own."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from django.db import connection, connections

from applications.models import ActiveLoan, Application, StageChange
from applications.services import change_stage
from core.errors import Conflict
from documents.models import Note
from tests.factories import ApplicationFactory

pytestmark = [
    pytest.mark.component,
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(
        connection.vendor == "sqlite",
        reason="SQLite lets one write at a time; name a PostgreSQL with POSTGRES_TEST_DB",
    ),
]


def at_once(pk: int, stages: list[str]) -> list[Any]:
    """Each reads the application; when all have read it, each moves it. What became of each."""
    all_have_read = Barrier(len(stages), timeout=30)

    def person(stage: str) -> Any:
        try:
            seen = Application.objects.get(pk=pk)
            all_have_read.wait()
            return change_stage(seen, stage, None).to_stage
        except Conflict as conflict:
            return conflict
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(stages)) as pool:
        return list(pool.map(person, stages))


@pytest.mark.parametrize("stages", [["funded"] * 4, ["funded", "declined", "withdrawn", "funded"]])
def test_one_wins_and_the_others_are_told(stages: list[str]) -> None:
    application = ApplicationFactory(stage="settlement")
    outcomes = at_once(application.pk, stages)
    (winner,) = (outcome for outcome in outcomes if not isinstance(outcome, Conflict))
    assert Application.objects.get().stage == winner
    assert (StageChange.objects.count(), Note.objects.count()) == (1, 1)
    assert ActiveLoan.objects.count() == (winner == "funded")
    assert connection.in_atomic_block is False
