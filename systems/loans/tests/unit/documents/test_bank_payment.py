"""What a line of a bank's file says, and what makes no sense."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
import time_machine

from core.errors import NotPossible
from documents.bank_file import Line
from documents.bank_payment import BankPayment, payment_of

pytestmark = pytest.mark.unit

GOOD = {"reference": "B1", "date": "2026-03-31", "amount": "100.00", "application": "APP-1", "repayment": "7"}


@pytest.fixture(autouse=True)
def in_april():
    with time_machine.travel("2026-04-01T00:00:00Z", tick=False):
        yield


def said(**columns: str) -> BankPayment:
    return payment_of(Line(2, 2, "", {**GOOD, **columns}))


def test_a_line_is_a_payment() -> None:
    assert said() == BankPayment("B1", date(2026, 3, 31), Decimal("100.00"), "APP-1", 7)
    assert said(repayment="").repayment is None
    assert said(date="31/03/2026").paid_on == date(2026, 3, 31)


@pytest.mark.parametrize(
    ("text", "amount"), [("100", "100.00"), ("100.5", "100.50"), ("1000,00", "1000.00"), ("0.01", "0.01")]
)
def test_amounts_have_a_point_or_a_comma_before_the_cents(text: str, amount: str) -> None:
    assert str(said(amount=text).amount) == amount


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ({"reference": ""}, "1 to 100 characters, not 0"),
        ({"reference": "x" * 101}, "1 to 100 characters, not 101"),
        ({"date": "2026-02-30"}, "'2026-02-30' is not a day"),
        ({"date": "03/31/2026"}, "is not a day"),
        ({"date": ""}, "is not a day"),
        ({"date": "2026-04-02"}, "future"),
        ({"date": "0001-01-01"}, "not a likely day"),
        ({"amount": "-100.00"}, "'-100.00' is not an amount"),
        ({"amount": "1,000.00"}, "without sign and thousands separator"),
        ({"amount": "1.000"}, "is not an amount"),
        ({"amount": "1e3"}, "is not an amount"),
        ({"amount": "٣"}, "is not an amount"),
        ({"amount": "9" * 5000}, "is not an amount"),
        ({"amount": "0.00"}, "more than 0"),
        ({"repayment": "seven"}, "'seven' is not the id of a repayment"),
        ({"repayment": "9" * 19}, "is not the id"),
        ({"application": "", "repayment": ""}, "neither an application nor a repayment"),
    ],
)
def test_what_makes_no_sense_is_refused_with_the_reason(columns: dict[str, str], reason: str) -> None:
    with pytest.raises(NotPossible, match=reason):
        said(**columns)


def test_a_line_that_could_not_be_read_says_so() -> None:
    with pytest.raises(NotPossible, match=r"^The line is not text in UTF-8\.$"):
        payment_of(Line(2, 2, "", problem="is not text in UTF-8"))
