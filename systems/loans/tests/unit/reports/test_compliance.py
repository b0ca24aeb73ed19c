"""Repayment compliance: what was due, what was paid in time, late, and not at all."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

import pytest
import time_machine
from django.db.models import Q

from applications.models import Stage, StageChange
from applications.selectors import scope_of
from core.clock import zone
from core.periods import Period
from reports.selectors import compliance, compliance_total, due_in, worst_payers
from tests.factories import ApplicationFactory, RepaymentFactory

pytestmark = [pytest.mark.unit, pytest.mark.django_db]

QUARTER = Period(date(2026, 1, 1), date(2026, 3, 31))
ON_10_MARCH = {"paid_until": date(2026, 3, 10), "overdue_before": date(2026, 3, 10)}


def instalment(due: str, paid: str | None = None, amount: str = "100.00", **values: object) -> None:
    RepaymentFactory(
        due_date=date.fromisoformat(due),
        paid_date=paid and date.fromisoformat(paid),
        amount=Decimal(amount),
        **values,
    )


@pytest.fixture
def _quarter() -> None:
    instalment("2026-01-31", "2026-01-31")
    instalment("2026-01-31", "2026-02-01", amount="250.50")
    instalment("2026-02-28", "2026-01-15", paid_amount=Decimal("99.99"))
    instalment("2026-02-28")
    instalment("2026-03-09")
    instalment("2026-03-10")
    instalment("2026-03-31", "2026-03-10")
    instalment("2026-03-31", "2026-03-11")


@pytest.mark.usefixtures("_quarter")
def test_each_month_has_its_figures() -> None:
    rows = list(compliance(due_in(QUARTER, Q()), "month", **ON_10_MARCH))
    january, february, march = rows
    assert january == {
        "period": date(2026, 1, 1),
        "due": 2,
        "due_amount": Decimal("350.50"),
        "paid_on_time": 1,
        "paid_late": 1,
        "paid_amount": Decimal("350.50"),
        "unpaid": 0,
        "unpaid_amount": Decimal("0.00"),
        "not_yet_due": 0,
        "on_time_rate": Decimal("50.0"),
        "paid_rate": Decimal("100.0"),
    }
    assert (february["paid_on_time"], february["paid_amount"]) == (1, Decimal("99.99"))
    assert (february["unpaid"], february["unpaid_amount"], february["paid_rate"]) == (1, Decimal(100), Decimal("50.0"))
    assert (march["due"], march["paid_on_time"], march["unpaid"], march["not_yet_due"]) == (4, 1, 1, 2)
    assert (march["on_time_rate"], march["paid_rate"]) == (Decimal("50.0"), Decimal("50.0"))


@pytest.mark.usefixtures("_quarter")
def test_the_total_is_of_all_months() -> None:
    total = compliance_total(due_in(QUARTER, Q()), **ON_10_MARCH)
    assert (total["due"], total["due_amount"], total["not_yet_due"]) == (8, Decimal("950.50"), 2)
    assert (total["paid_on_time"], total["paid_late"], total["unpaid"]) == (3, 1, 2)
    assert (total["on_time_rate"], total["paid_rate"]) == (Decimal("50.0"), Decimal("66.7"))


@pytest.mark.usefixtures("_quarter")
def test_weeks_begin_on_monday() -> None:
    weeks = [row["period"] for row in compliance(due_in(QUARTER, Q()), "week", **ON_10_MARCH)]
    assert weeks == [date(2026, 1, 26), date(2026, 2, 23), date(2026, 3, 9), date(2026, 3, 30)]


def test_where_nothing_was_due_there_is_no_rate() -> None:
    total = compliance_total(due_in(QUARTER, Q()), **ON_10_MARCH)
    assert (total["due"], total["due_amount"], total["on_time_rate"], total["paid_rate"]) == (0, 0, None, None)
    assert list(compliance(due_in(QUARTER, Q()), "month", **ON_10_MARCH)) == []


def test_both_ends_of_the_period_belong_to_it() -> None:
    for day in ("2025-12-31", "2026-01-01", "2026-03-31", "2026-04-01"):
        instalment(day)
    assert due_in(QUARTER, Q()).count() == 2


@pytest.mark.parametrize("stage", [Stage.DECLINED, Stage.WITHDRAWN])
def test_what_fell_through_is_not_due(stage: Stage) -> None:
    instalment("2026-02-01", application=ApplicationFactory(stage=stage))
    assert due_in(QUARTER, Q()).count() == 0


def test_what_fell_through_later_was_due_at_the_time() -> None:
    application = ApplicationFactory(stage=Stage.WITHDRAWN)
    instalment("2026-02-01", application=application)
    StageChange.objects.create(
        application=application,
        from_stage=Stage.FUNDED,
        to_stage=Stage.WITHDRAWN,
        changed_at=datetime(2026, 4, 2, 12, tzinfo=zone()),
    )
    assert due_in(QUARTER, Q(), as_of=datetime(2026, 4, 1, tzinfo=zone())).count() == 1
    assert due_in(QUARTER, Q(), as_of=datetime(2026, 4, 3, tzinfo=zone())).count() == 0


def test_each_person_s_figures_are_of_their_own_applications() -> None:
    own = ApplicationFactory()
    instalment("2026-02-01", application=own)
    instalment("2026-02-01")
    for user in (own.bd.user, own.broker.user):
        assert due_in(QUARTER, scope_of(user, "application__")).count() == 1


@pytest.mark.usefixtures("_quarter")
def test_the_worst_payers_come_first() -> None:
    little, much = ApplicationFactory(), ApplicationFactory()
    instalment("2026-01-05", amount="120.00", application=little)
    instalment("2026-01-05", amount="80.00", application=much)
    instalment("2026-01-12", amount="90.00", application=much)
    instalment("2026-03-20", amount="900.00", application=little)  # not due yet
    assert worst_payers(due_in(QUARTER, Q()), 2, **ON_10_MARCH) == [
        {"reference_number": much.reference_number, "unpaid": 2, "unpaid_amount": Decimal("170.00")},
        {"reference_number": little.reference_number, "unpaid": 1, "unpaid_amount": Decimal("120.00")},
    ]


@time_machine.travel("2026-03-10T00:00:00Z", tick=False)
def test_two_statements_are_enough_for_any_number_of_rows(django_assert_num_queries: object) -> None:
    for month in range(1, 13):
        for _ in range(3):
            instalment(f"2026-{month:02}-15")
    year = Period(date(2026, 1, 1), date(2026, 12, 31))
    with django_assert_num_queries(2):  # type: ignore[operator]
        due = due_in(year, Q())
        assert len(list(compliance(due, "month", **ON_10_MARCH))) == 12
        assert compliance_total(due, **ON_10_MARCH)["due"] == 36
