"""The sweep over repayments grows by batch: in memory not at all, in statements by batch and by message."""

from __future__ import annotations

import gc
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models import Model
from django.test.utils import CaptureQueriesContext

from applications.models import Application, Stage
from applications.reminders.repayments import remind_of_repayments
from applications.tasks import check_repayment_reminders
from borrowers.models import Borrower
from core.clock import today
from core.sweeps import BATCH
from documents.models import Repayment
from tests.factories import BDMFactory, UserFactory
from users.models import Notification, User

pytestmark = [pytest.mark.task, pytest.mark.django_db]

MESSAGES = 'UPDATE "core_deliveryledger"'  # the claim and the confirmation
MARKS = 'UPDATE "documents_repayment"'
LIMIT = 999  # values in one statement of SQLite, as Django counts them


def accept(*, subject: str, message: str, recipient_list: list[str]) -> int:
    return 1


def instalments(number: int, due: Callable[[int], date], *, with_login: bool = False) -> None:
    """So many, ten to an application, each application with one borrower and all with one manager."""
    bd = BDMFactory()
    applications = Application.objects.bulk_create(
        Application(reference_number=f"APP-{index}", stage=Stage.FUNDED, bd=bd) for index in range(-(-number // 10))
    )
    users: list[User | None] = [None] * len(applications)
    if with_login:
        users = list(UserFactory.create_batch(len(applications)))
    borrowers = Borrower.objects.bulk_create(
        Borrower(first_name=f"B{index}", email=f"b{index}@example.com", user=user) for index, user in enumerate(users)
    )
    link = Application.borrowers.through
    link.objects.bulk_create(
        link(application=application, borrower=borrower)
        for application, borrower in zip(applications, borrowers, strict=True)
    )
    Repayment.objects.bulk_create(
        (Repayment(application=applications[index // 10], amount=100, due_date=due(index)) for index in range(number)),
        batch_size=5_000,
    )


def far_away(_index: int) -> date:
    return today() + timedelta(days=100)


def three_days_ago(_index: int) -> date:
    return today() - timedelta(days=3)


def multiply(row: Model, number: int, **columns: str) -> None:
    """Let the database make so many rows of one: itself is number 0, and SQL tells the columns of number `i`."""
    fields = [field.column for field in row._meta.concrete_fields if not field.primary_key]
    values = [columns.get(field, connection.ops.quote_name(field)) for field in fields]
    table = connection.ops.quote_name(row._meta.db_table)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} ({', '.join(map(connection.ops.quote_name, fields))})"
            f" WITH RECURSIVE numbers(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM numbers WHERE i < {number - 1})"
            f" SELECT {', '.join(values)} FROM {table}, numbers WHERE id = {row.pk} ORDER BY i"
        )


def a_hundred_thousand_instalments() -> None:
    """Like `instalments`: every fiftieth was due three days ago, the others are far away."""
    application = Application.objects.create(reference_number="APP-0", stage=Stage.FUNDED, bd=BDMFactory())
    borrower = Borrower.objects.create(first_name="B0", email="b0@example.com")
    link = Application.borrowers.through.objects.create(application=application, borrower=borrower)
    first = Repayment.objects.create(application=application, amount=100, due_date=three_days_ago(0))
    multiply(application, 10_000, reference_number="'APP-' || i")
    multiply(borrower, 10_000, first_name="'B' || i", email="'b' || i || '@example.com'")
    multiply(link, 10_000, application_id="application_id + i", borrower_id="borrower_id + i")
    due_date = f"CASE WHEN i % 50 = 0 THEN due_date ELSE '{far_away(0)}' END"
    multiply(first, 100_000, application_id="application_id + i / 10", due_date=due_date)


def statements() -> Counter[str]:
    """Those of one sweep, by what they do."""
    with CaptureQueriesContext(connection) as captured:
        remind_of_repayments(accept)
    kinds = (MESSAGES, MARKS, "INSERT", "SELECT")
    found = Counter(next(kind for kind in kinds if query["sql"].startswith(kind)) for query in captured)
    assert found.total() == len(captured)
    return found


@contextmanager
def counted_memory() -> Iterator[list[int]]:
    """In blocks, above what there was before: the most before any statement, and what is left at the end.

    A row of a batch takes about 120, with all that belongs to it and its message.
    """
    seen: list[int] = []
    gc.collect()
    before = peak = sys.getallocatedblocks()

    def look(execute: Callable[..., Any], *statement: Any) -> Any:
        nonlocal peak
        peak = max(peak, sys.getallocatedblocks())
        return execute(*statement)

    with connection.execute_wrapper(look):
        yield seen
    gc.collect()
    seen += [peak - before, sys.getallocatedblocks() - before]


def inserts(rows: int, columns: int) -> int:
    """Statements that insert a batch of rows with so many columns."""
    at_once = LIMIT // columns if connection.vendor == "sqlite" else rows
    return -(-rows // at_once)


@pytest.mark.parametrize("number", [1_000, 2_000])
def test_what_is_not_due_costs_one_statement_for_each_step(number: int) -> None:
    instalments(number, far_away)
    assert statements() == Counter({"SELECT": 4})


@pytest.mark.parametrize("number", [500, 1_000, 1_250])
def test_what_is_due_costs_a_few_statements_for_each_batch_and_three_for_each_message(number: int) -> None:
    """The three are the claim, the confirmation and the mark; each holds only if nobody has paid or sent meanwhile."""
    instalments(number, three_days_ago)
    sizes = [BATCH] * (number // BATCH) + ([number % BATCH] if number % BATCH else [])
    after_the_last_full = number % BATCH == 0
    assert statements() == Counter(
        {
            # Of a batch: its rows, their borrowers, their deliveries. For the other steps: that there are none.
            "SELECT": 3 * len(sizes) + 3 + after_the_last_full,
            "INSERT": sum(inserts(size, 11) for size in sizes),
            MESSAGES: 2 * number,
            MARKS: number,
        }
    )
    assert statements() == Counter({"SELECT": 4})


def test_notifications_of_borrowers_with_a_login_cost_a_few_more_for_each_batch() -> None:
    instalments(500, three_days_ago, with_login=True)
    found = statements()
    assert Notification.objects.count() == 500
    assert found == Counter(
        {
            # Preferences, who was told before, and the new ones, as they are pushed.
            "SELECT": 3 + 4 + 3,
            "INSERT": inserts(500, 11) + inserts(500, 9),
            MESSAGES: 1_000,
            MARKS: 500,
        }
    )


def test_it_commits_as_it_goes(transactional_db: Any) -> None:
    instalments(20, three_days_ago)
    seen = []

    def look(*, subject: str, message: str, recipient_list: list[str]) -> int:
        seen.append(connection.in_atomic_block)
        return 1

    assert remind_of_repayments(look).sent == 20
    assert seen == [False] * 20


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_one_batch_is_in_memory_at_a_time_and_nothing_stays() -> None:
    instalments(3 * BATCH, three_days_ago)
    with counted_memory() as memory:
        assert remind_of_repayments(accept).sent == 3 * BATCH
    peak, left = memory
    assert peak < 120_000  # while a batch is read, the one before it is still there; three would be 180,000
    assert left < 2_000


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_hundred_thousand_repayments(mailbox: Any) -> None:
    """Of which two in a hundred are due: the whole task, with messages through Django's mail."""
    a_hundred_thousand_instalments()
    with CaptureQueriesContext(connection) as captured, counted_memory() as memory:
        result = check_repayment_reminders()
    assert result == {"checked": 2_000, "sent": 2_000, "skipped": 0, "failed": 0}
    assert len(mailbox.mails) == 2_000
    assert Repayment.objects.filter(overdue_3_day_sent=True).count() == 2_000
    by_message = sum(query["sql"].startswith((MESSAGES, MARKS)) for query in captured)
    assert by_message == 3 * 2_000
    assert len(captured) - by_message == 3 * 4 + 3 + 1 + 4 * inserts(500, 11)
    assert memory[0] < 180_000  # with what was captured and mailed; a hundred thousand keys would be as much again
