"""A payment is booked once, as a whole, and nothing else of its row changes."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
import time_machine
from django.db import DatabaseError, connection

from core.errors import Conflict, NotPossible
from documents.models import Ledger, Repayment
from documents.payments import add_repayment, cancel_repayment, record_payment
from tests.factories import AdminFactory, ApplicationFactory, RepaymentFactory

pytestmark = [pytest.mark.unit, pytest.mark.django_db]

TODAY = date(2026, 3, 20)
MORNING_IN_SYDNEY = "2026-03-19T22:30:00Z"  # it is the 20th there already


@pytest.fixture(autouse=True)
def in_march():
    with time_machine.travel(MORNING_IN_SYDNEY, tick=False):
        yield


def booked(row: Repayment) -> list[tuple[str, str]]:
    return [(entry.transaction_type, str(entry.amount)) for entry in row.ledger.order_by("pk")]


def test_an_added_instalment_is_in_the_ledger_once() -> None:
    by = AdminFactory()
    row = add_repayment(ApplicationFactory(), "250.5", date(2026, 4, 30), by)
    row.refresh_from_db()
    assert (row.amount, row.due_date, row.created_by, row.paid_date) == (Decimal("250.50"), date(2026, 4, 30), by, None)
    assert booked(row) == [("repayment_scheduled", "250.50")]
    assert row.ledger.get().description == "instalment due 2026-04-30"


@pytest.mark.parametrize("amount", [0, "-1", "0.001", "abc", "NaN", "Infinity", "10000000000", ""])
def test_what_is_no_amount_is_refused_and_leaves_nothing(amount: str | int) -> None:
    with pytest.raises(NotPossible, match="amount"):
        add_repayment(ApplicationFactory(), amount, date(2026, 4, 30), None)
    assert not Repayment.objects.exists()
    assert not Ledger.objects.exists()


@pytest.mark.parametrize(
    "day", [date(20, 3, 1), date(9999, 1, 1), "2026-03-31", datetime(2026, 3, 31, tzinfo=UTC), None]
)
def test_what_is_no_likely_day_is_refused(day: object) -> None:
    with pytest.raises(NotPossible, match="day"):
        add_repayment(ApplicationFactory(), 100, day, None)
    with pytest.raises(NotPossible, match="day"):
        record_payment(RepaymentFactory(), day)


def test_a_payment_writes_day_amount_and_key_and_one_entry() -> None:
    by, row = AdminFactory(), RepaymentFactory(amount=Decimal("250.00"))
    paid = record_payment(row, date(2026, 3, 18), Decimal(250), "k1", by)
    assert (paid.pk, paid.paid_date, paid.paid_amount, paid.payment_key, paid.status) == (
        row.pk,
        date(2026, 3, 18),
        Decimal(250),
        "k1",
        "paid",
    )
    assert booked(row) == [("repayment_received", "250.00")]
    entry = row.ledger.get()
    assert (entry.created_by, entry.transaction_date.isoformat()) == (by, "2026-03-17T13:00:00+00:00")


def test_without_an_amount_what_is_due_was_paid() -> None:
    row = record_payment(RepaymentFactory(amount=Decimal("99.90")), TODAY)
    assert row.paid_amount == Decimal("99.90")
    assert booked(row) == [("repayment_received", "99.90")]


def test_a_payment_of_today_is_booked_at_this_moment() -> None:
    row = record_payment(RepaymentFactory(), TODAY)
    assert row.ledger.get().transaction_date.isoformat() == "2026-03-19T22:30:00+00:00"


def test_what_is_paid_beyond_the_instalment_is_an_adjustment() -> None:
    row = record_payment(RepaymentFactory(amount=Decimal("100.00")), TODAY, "130.25")
    assert row.paid_amount == Decimal("130.25")
    assert booked(row) == [("repayment_received", "100.00"), ("adjustment", "30.25")]


def test_part_of_an_instalment_is_refused_with_both_sums() -> None:
    row = RepaymentFactory(amount=Decimal("100.00"))
    with pytest.raises(NotPossible, match=r"99\.99 is less than the 100\.00 that is due"):
        record_payment(row, TODAY, "99.99")
    row.refresh_from_db()
    assert (row.paid_date, row.paid_amount, booked(row)) == (None, None, [])


def test_a_payment_tomorrow_is_refused_and_one_today_by_the_calendar_of_the_office_is_not() -> None:
    row = RepaymentFactory()
    with pytest.raises(NotPossible, match="future"):
        record_payment(row, date(2026, 3, 21))
    assert record_payment(row, TODAY).paid_date == TODAY


def test_a_double_click_books_once_and_gets_the_same_answer() -> None:
    row = RepaymentFactory(amount=Decimal("100.00"))
    first = record_payment(row, date(2026, 3, 18), key="click")
    again = record_payment(row, TODAY, "500", key="click")
    assert (again.pk, again.paid_date, again.paid_amount, again.updated_at) == (
        first.pk,
        date(2026, 3, 18),
        Decimal("100.00"),
        first.updated_at,
    )
    assert booked(row) == [("repayment_received", "100.00")]


@pytest.mark.parametrize(("first", "second"), [("", ""), ("a", ""), ("", "b"), ("a", "b")])
def test_another_payment_of_a_paid_instalment_is_a_conflict(first: str, second: str) -> None:
    row = RepaymentFactory()
    record_payment(row, date(2026, 3, 18), key=first)
    with pytest.raises(Conflict, match="already paid on 2026-03-18"):
        record_payment(row, TODAY, key=second)
    row.refresh_from_db()
    assert row.paid_date == date(2026, 3, 18)
    assert len(booked(row)) == 1


def test_of_two_people_who_saw_it_unpaid_one_books_it() -> None:
    row = RepaymentFactory()
    one, other = Repayment.objects.get(pk=row.pk), Repayment.objects.get(pk=row.pk)
    record_payment(one, date(2026, 3, 17), key="one")
    with pytest.raises(Conflict, match="already paid"):
        record_payment(other, date(2026, 3, 18), key="other")
    row.refresh_from_db()
    assert (row.paid_date, row.payment_key, len(booked(row))) == (date(2026, 3, 17), "one", 1)


def test_a_payment_leaves_the_reminders_alone_that_went_out_since_the_row_was_read() -> None:
    row = RepaymentFactory()
    Repayment.objects.filter(pk=row.pk).update(reminder_sent=True, overdue_3_day_sent=True)
    paid = record_payment(row, TODAY)
    assert (paid.reminder_sent, paid.overdue_3_day_sent, paid.overdue_7_day_sent) == (True, True, False)


def test_the_amount_that_counts_is_the_one_in_the_database() -> None:
    row = RepaymentFactory(amount=Decimal("100.00"))
    Repayment.objects.filter(pk=row.pk).update(amount=Decimal("200.00"))
    with pytest.raises(NotPossible, match=r"100\.00 is less than the 200\.00"):
        record_payment(row, TODAY, "100.00")
    assert record_payment(row, TODAY).paid_amount == Decimal("200.00")


def test_an_instalment_that_was_replaced_meanwhile_is_a_conflict() -> None:
    row = RepaymentFactory()
    Repayment.objects.filter(pk=row.pk).delete()
    with pytest.raises(Conflict, match="no longer there"):
        record_payment(row, TODAY)


def test_a_payment_that_cannot_be_booked_is_no_payment() -> None:
    row = RepaymentFactory()
    table = connection.ops.quote_name(Ledger._meta.db_table)

    def refuse(execute, sql, params, many, context):
        if sql.startswith(f"INSERT INTO {table}"):
            raise DatabaseError("the disk is full")
        return execute(sql, params, many, context)

    with connection.execute_wrapper(refuse), pytest.raises(DatabaseError, match="disk is full"):
        record_payment(row, TODAY)
    row.refresh_from_db()
    assert (row.paid_date, row.paid_amount, row.payment_key) == (None, None, "")


def test_a_cancelled_instalment_is_gone_and_its_sum_taken_back() -> None:
    application, by = ApplicationFactory(), AdminFactory()
    row = add_repayment(application, 100, date(2026, 4, 30), by)
    cancel_repayment(row, by)
    assert not application.repayments.exists()
    entries = [(entry.transaction_type, str(entry.amount)) for entry in application.ledger.order_by("pk")]
    assert entries == [("repayment_scheduled", "100.00"), ("adjustment", "-100.00")]


def test_a_paid_instalment_cannot_be_cancelled() -> None:
    row = record_payment(RepaymentFactory(), TODAY)
    with pytest.raises(Conflict, match="only an unpaid one"):
        cancel_repayment(row, None)
    assert booked(row) == [("repayment_received", "1000.00")]
