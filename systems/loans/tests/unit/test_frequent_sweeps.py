"""The sweeps that run every few minutes find their rows by an index, however many rows there are."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from applications.reminders.notes import remind_of_notes
from applications.reminders.status import missed_changes
from core.clock import now
from documents.jobs import pick_up_missed
from documents.selectors import unfinished_imports

pytestmark = [
    pytest.mark.unit,
    pytest.mark.django_db,
    pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL decides by the number of rows"),
]

SWEEPS = {
    "applications_stagechange": lambda: list(missed_changes()),
    "documents_documentjob": pick_up_missed,
    "documents_note": lambda: remind_of_notes(lambda **letter: 1),
    "documents_repaymentimport": lambda: list(unfinished_imports(now())),
}


@pytest.mark.parametrize("table", SWEEPS)
def test_a_sweep_finds_its_rows_by_an_index(table: str) -> None:
    (plan,) = [plan for plan in plans_of(SWEEPS[table]) if table in plan]
    assert plan.startswith(f"SEARCH {table} USING INDEX ")


def plans_of(sweep: Callable[[], object]) -> list[str]:
    """How SQLite goes through the first table of each statement."""
    with CaptureQueriesContext(connection) as asked:
        sweep()
    with connection.cursor() as cursor:
        return [cursor.execute(f"EXPLAIN QUERY PLAN {query['sql']}").fetchone()[3] for query in asked]
