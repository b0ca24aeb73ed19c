"""The schedule of an application: made as a whole or not at all, and never at the cost of a payment."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
import time_machine
from django.db import DatabaseError, connection

from applications.models import Application, Frequency, Stage
from core.errors import NotPossible
from documents.models import Ledger, Repayment
from documents.payments import add_repayment, record_payment
from documents.schedule import generate_repayment_schedule
from tests.factories import AdminFactory, ApplicationFactory

pytestmark = [pytest.mark.unit, pytest.mark.django_db]

JANUARY_31 = date(2026, 1, 31)


def loan(**values: object) -> Application:
    terms = {"loan_amount": Decimal(12000), "loan_term": 12, "interest_rate": Decimal("6.00")}
    return ApplicationFactory(**{**terms, **values})


def rows(application: Application) -> list[tuple[str, str]]:
    return [(f"{row.due_date}", f"{row.amount}") for row in application.repayments.order_by("due_date")]


def booked(application: Application) -> list[tuple[str, str]]:
    return [(entry.transaction_type, str(entry.amount)) for entry in application.ledger.order_by("pk")]


def pay(row: Repayment, amount: object = None) -> None:
    record_payment(row, min(row.due_date, JANUARY_31), amount)


def test_each_instalment_is_a_row_and_an_entry_of_the_ledger() -> None:
    application, by = loan(), AdminFactory()
    made = generate_repayment_schedule(application, by, JANUARY_31)
    assert [row.pk for row in made] == list(application.repayments.values_list("pk", flat=True))
    assert [amount for _, amount in rows(application)] == ["1032.80"] * 11 + [str(made[-1].amount)]
    assert booked(application) == [("repayment_scheduled", str(row.amount)) for row in made]
    assert {row.created_by for row in made} == {by}
    assert {row.ledger.get().created_by for row in made} == {by}


def test_the_31st_comes_back_after_a_short_month() -> None:
    made = generate_repayment_schedule(loan(loan_term=4), None, JANUARY_31)
    assert [str(row.due_date) for row in made] == ["2026-02-28", "2026-03-31", "2026-04-30", "2026-05-31"]


def test_in_a_leap_year_it_is_the_29th_of_february() -> None:
    made = generate_repayment_schedule(loan(loan_term=2), None, date(2028, 1, 31))
    assert [str(row.due_date) for row in made] == ["2028-02-29", "2028-03-31"]


@pytest.mark.parametrize(
    ("frequency", "count", "first", "last"),
    [
        (Frequency.WEEKLY, 52, "2026-02-07", "2027-01-30"),
        (Frequency.FORTNIGHTLY, 26, "2026-02-14", "2027-01-30"),
        (Frequency.MONTHLY, 12, "2026-02-28", "2027-01-31"),
        (Frequency.QUARTERLY, 4, "2026-04-30", "2027-01-31"),
        (Frequency.ANNUALLY, 1, "2027-01-31", "2027-01-31"),
    ],
)
def test_every_frequency_has_a_schedule(frequency: str, count: int, first: str, last: str) -> None:
    application = loan(repayment_frequency=frequency, loan_amount=Decimal("1000.00"), interest_rate=Decimal(0))
    generate_repayment_schedule(application, None, JANUARY_31)
    days = [day for day, _ in rows(application)]
    assert (len(days), days[0], days[-1]) == (count, first, last)
    assert sum(row.amount for row in application.repayments.all()) == Decimal("1000.00")


def test_a_year_in_one_instalment_costs_a_year_of_interest() -> None:
    application = loan(repayment_frequency=Frequency.ANNUALLY)
    generate_repayment_schedule(application, None, JANUARY_31)
    assert rows(application) == [("2027-01-31", "12720.00")]


@time_machine.travel("2026-03-19T22:30:00Z", tick=False)
def test_without_a_start_the_loan_starts_when_it_is_settled_or_else_today() -> None:
    settled = loan(loan_term=1, estimated_settlement_date=date(2026, 5, 4))
    generate_repayment_schedule(settled, None)
    assert rows(settled)[0][0] == "2026-06-04"
    unsettled = loan(loan_term=1)
    generate_repayment_schedule(unsettled, None)
    assert rows(unsettled)[0][0] == "2026-04-20"


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"loan_amount": None}, "no amount"),
        ({"loan_term": None}, "no term"),
        ({"interest_rate": None}, "no interest rate"),
        ({"loan_amount": None, "loan_term": None}, "no amount and no term"),
        ({"loan_amount": Decimal(0)}, "more than 0"),
        ({"loan_term": 0}, "1 to 360"),
        ({"loan_term": 361}, "1 to 360"),
        ({"interest_rate": Decimal(-1)}, "not below 0"),
        ({"stage": Stage.WITHDRAWN}, "is withdrawn"),
        ({"stage": Stage.DECLINED}, "is declined"),
    ],
)
def test_what_makes_no_schedule_leaves_everything_as_it_was(values: dict[str, object], message: str) -> None:
    application = loan()
    generate_repayment_schedule(application, None, JANUARY_31)
    pay(application.repayments.first())
    before, entries = list(application.repayments.values()), booked(application)
    Application.objects.filter(pk=application.pk).update(**values)
    with pytest.raises(NotPossible, match=message):
        generate_repayment_schedule(application, None, JANUARY_31)
    assert list(application.repayments.values()) == before
    assert booked(application) == entries


def test_a_start_beyond_the_calendar_is_refused() -> None:
    with pytest.raises(NotPossible, match="not a likely day"):
        generate_repayment_schedule(loan(), None, date(9999, 12, 31))


def test_a_failure_in_the_middle_leaves_everything_as_it_was() -> None:
    application = loan()
    generate_repayment_schedule(application, None, JANUARY_31)
    before, entries = list(application.repayments.values()), booked(application)

    def refuse(execute, sql, params, many, context):
        if sql.startswith(f"INSERT INTO {connection.ops.quote_name(Repayment._meta.db_table)}"):
            raise DatabaseError("the disk is full")
        return execute(sql, params, many, context)

    with connection.execute_wrapper(refuse), pytest.raises(DatabaseError, match="disk is full"):
        generate_repayment_schedule(application, None, JANUARY_31)
    assert list(application.repayments.values()) == before
    assert booked(application) == entries


def test_again_without_a_payment_it_is_the_same_schedule_once() -> None:
    application = loan()
    generate_repayment_schedule(application, None, JANUARY_31)
    before = rows(application)
    generate_repayment_schedule(application, None, JANUARY_31)
    assert rows(application) == before
    total = sum(Decimal(amount) for _, amount in before)
    assert booked(application)[12] == ("adjustment", str(-total))
    assert Ledger.objects.get(transaction_type="adjustment").description == (
        "12 unpaid instalments replaced by a new schedule"
    )
    assert sum(Decimal(amount) for _, amount in booked(application)) == total


def test_paid_instalments_stay_and_the_others_go_on_as_they_were() -> None:
    application = loan()
    made = generate_repayment_schedule(application, None, JANUARY_31)
    for row in made[:3]:
        pay(row)
    before = rows(application)
    again = generate_repayment_schedule(application, None, JANUARY_31)
    assert rows(application) == before
    assert len(again) == 9
    kept = application.repayments.filter(paid_date__isnull=False)
    assert [row.pk for row in kept] == [row.pk for row in made[:3]]
    assert [row.ledger.count() for row in kept] == [2, 2, 2]


def test_the_start_is_remembered_by_what_was_paid() -> None:
    application = loan()
    made = generate_repayment_schedule(application, None, JANUARY_31)
    pay(made[0])
    pay(made[1])
    before = rows(application)
    generate_repayment_schedule(application, None)
    assert rows(application) == before


def test_what_was_paid_beyond_an_instalment_makes_the_rest_cheaper() -> None:
    application = loan(interest_rate=Decimal(0))
    made = generate_repayment_schedule(application, None, JANUARY_31)
    pay(made[0], "6500")
    generate_repayment_schedule(application, None, JANUARY_31)
    assert [amount for _, amount in rows(application)] == ["1000.00"] + ["500.00"] * 11


def test_a_missed_instalment_is_spread_over_the_later_ones_with_its_interest() -> None:
    application = loan(interest_rate=Decimal("12.00"), loan_term=4)
    made = generate_repayment_schedule(application, None, JANUARY_31)
    pay(made[1])
    generate_repayment_schedule(application, None, JANUARY_31)
    (paid_day, paid), *rest = rows(application)
    assert (paid_day, [day for day, _ in rest]) == ("2026-03-31", ["2026-04-30", "2026-05-31"])
    balance = Decimal(12000)
    for amount in (Decimal(0), Decimal(paid), *(Decimal(amount) for _, amount in rest)):
        balance += (balance * Decimal("0.01")).quantize(Decimal("0.01")) - amount
    assert abs(balance) <= Decimal("0.02")


def test_another_frequency_goes_on_after_the_last_paid_day() -> None:
    application = loan(interest_rate=Decimal(0))
    made = generate_repayment_schedule(application, None, JANUARY_31)
    for row in made[:9]:
        pay(row)
    Application.objects.filter(pk=application.pk).update(repayment_frequency=Frequency.QUARTERLY)
    (row,) = generate_repayment_schedule(application, None, JANUARY_31)
    assert (str(row.due_date), str(row.amount)) == ("2027-01-31", "3000.00")


def test_a_loan_that_is_repaid_needs_no_schedule() -> None:
    application = loan(interest_rate=Decimal(0))
    row = add_repayment(application, 12000, date(2026, 2, 28), None)
    record_payment(row, JANUARY_31)
    with pytest.raises(NotPossible, match="is repaid"):
        generate_repayment_schedule(application, None, JANUARY_31)


def test_a_term_that_is_over_must_be_lengthened_first() -> None:
    application = loan(interest_rate=Decimal(0), loan_term=1)
    row = add_repayment(application, 7000, date(2026, 2, 28), None)
    record_payment(row, JANUARY_31)
    with pytest.raises(NotPossible, match=r"5000\.00 is still open.* lengthen the term"):
        generate_repayment_schedule(application, None, JANUARY_31)
    Application.objects.filter(pk=application.pk).update(loan_term=2)
    generate_repayment_schedule(application, None, JANUARY_31)
    assert rows(application) == [("2026-02-28", "7000.00"), ("2026-03-31", "5000.00")]


def test_an_instalment_paid_before_amounts_were_kept_counts_in_full() -> None:
    application = loan(interest_rate=Decimal(0), loan_term=2)
    row = add_repayment(application, 5000, date(2026, 2, 28), None)
    Repayment.objects.filter(pk=row.pk).update(paid_date=JANUARY_31)
    generate_repayment_schedule(application, None, JANUARY_31)
    assert rows(application) == [("2026-02-28", "5000.00"), ("2026-03-31", "7000.00")]


def test_who_was_reminded_of_a_day_is_not_reminded_of_it_again() -> None:
    application = loan()
    generate_repayment_schedule(application, None, JANUARY_31)
    application.repayments.filter(due_date=date(2026, 2, 28)).update(reminder_sent=True, overdue_3_day_sent=True)
    first, second, *_ = generate_repayment_schedule(application, None, JANUARY_31)
    assert (first.reminder_sent, first.overdue_3_day_sent, first.overdue_7_day_sent) == (True, True, False)
    assert (second.reminder_sent, second.overdue_3_day_sent) == (False, False)


def test_the_terms_that_count_are_those_in_the_database() -> None:
    application = loan(interest_rate=Decimal(0))
    Application.objects.filter(pk=application.pk).update(loan_amount=Decimal(24000))
    made = generate_repayment_schedule(application, None, JANUARY_31)
    assert {str(row.amount) for row in made} == {"2000.00"}


def test_a_schedule_of_thirty_years_takes_few_statements(django_assert_max_num_queries) -> None:
    application = loan(loan_term=360, loan_amount=Decimal(500000))
    with django_assert_max_num_queries(20):
        generate_repayment_schedule(application, None, JANUARY_31)
    assert application.repayments.count() == 360
