"""The loan that begins when an application is funded."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
import time_machine

from applications.loan_dates import add_months
from applications.models import ActiveLoan, Application, StageChange
from applications.services import change_stage
from core.errors import NotPossible
from documents.models import Note
from tests.factories import AdminFactory, ApplicationFactory

pytestmark = pytest.mark.unit


def funded(**values: Any) -> ActiveLoan:
    change_stage(ApplicationFactory(stage="settlement", **values), "funded", AdminFactory())
    return ActiveLoan.objects.get()


@pytest.mark.parametrize(
    ("day", "months", "expected"),
    [
        (date(2026, 1, 31), 1, date(2026, 2, 28)),
        (date(2024, 1, 31), 1, date(2024, 2, 29)),
        (date(2024, 2, 29), 12, date(2025, 2, 28)),
        (date(2024, 2, 29), 48, date(2028, 2, 29)),
        (date(2026, 12, 31), 2, date(2027, 2, 28)),
        (date(2026, 11, 30), 1, date(2026, 12, 30)),
        (date(2026, 3, 15), 360, date(2056, 3, 15)),
        (date(2026, 3, 15), 0, date(2026, 3, 15)),
    ],
)
def test_months_are_added_and_clipped_to_the_end_of_the_month(day: date, months: int, expected: date) -> None:
    assert add_months(day, months) == expected


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("frequency", "number", "first", "last"),
    [
        ("weekly", 52, "2026-02-07", "2027-01-30"),
        ("fortnightly", 26, "2026-02-14", "2027-01-30"),
        ("monthly", 12, "2026-02-28", "2027-01-31"),
        ("quarterly", 4, "2026-04-30", "2027-01-31"),
        ("annually", 1, "2027-01-31", "2027-01-31"),
    ],
)
def test_interest_is_due_until_the_loan_expires(frequency: str, number: int, first: str, last: str) -> None:
    settled = date(2026, 1, 31)
    loan = funded(estimated_settlement_date=settled, loan_term=12, repayment_frequency=frequency)
    days = loan.interest_payment_due_dates
    assert (len(days), days[0], days[-1]) == (number, first, last)


@pytest.mark.django_db
def test_a_short_month_does_not_shorten_the_months_after_it() -> None:
    loan = funded(estimated_settlement_date=date(2026, 1, 31), loan_term=3)
    assert loan.interest_payment_due_dates == ["2026-02-28", "2026-03-31", "2026-04-30"]


@pytest.mark.django_db
def test_a_loan_runs_from_its_estimated_settlement_for_its_term() -> None:
    loan = funded(estimated_settlement_date=date(2026, 8, 31), loan_term=6, repayment_frequency="quarterly")
    assert (loan.settlement_date, loan.loan_expiry_date) == (date(2026, 8, 31), date(2027, 2, 28))
    assert loan.interest_payment_due_dates == ["2026-11-30", "2027-02-28"]
    assert loan.is_active


@pytest.mark.django_db
@time_machine.travel("2026-03-10T22:00:00Z", tick=False)
def test_without_an_estimate_it_runs_from_today_in_the_office() -> None:
    loan = funded(estimated_settlement_date=None, loan_term=1)
    assert (loan.settlement_date, loan.loan_expiry_date) == (date(2026, 3, 11), date(2026, 4, 11))


@pytest.mark.django_db
@pytest.mark.parametrize("missing", ["loan_amount", "loan_term"])
def test_without_amount_or_term_it_is_not_funded_and_nothing_remains(missing: str) -> None:
    with pytest.raises(NotPossible, match="has no amount or no term; enter both before it is funded"):
        funded(**{missing: None})
    assert Application.objects.get().stage == "settlement"
    assert [model.objects.count() for model in (ActiveLoan, StageChange, Note)] == [0, 0, 0]


@pytest.mark.django_db
def test_a_loan_begins_with_the_terms_as_they_are_now_and_not_as_they_were_read() -> None:
    application = ApplicationFactory(stage="settlement", loan_term=360, estimated_settlement_date=date(2026, 1, 1))
    Application.objects.update(loan_term=12, loan_amount=Decimal(2000))
    change_stage(application, "funded", AdminFactory())
    assert ActiveLoan.objects.get().loan_expiry_date == date(2027, 1, 1)


@pytest.mark.django_db
@pytest.mark.parametrize("out", ["declined", "withdrawn"])
def test_no_loan_begins_when_it_falls_through(out: str) -> None:
    change_stage(ApplicationFactory(stage="settlement"), out, AdminFactory())
    assert ActiveLoan.objects.count() == 0
