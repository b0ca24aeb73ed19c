"""What a line of a bank's file says: who paid what, and when."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from core.errors import NotPossible
from documents.bank_file import Line
from documents.money import as_amount, as_payment_day

AMOUNT = re.compile(r"[0-9]{1,10}([.,][0-9]{1,2})?")
ID = re.compile(r"[0-9]{1,18}")
DATES = ("%Y-%m-%d", "%d/%m/%Y")
LONGEST_REFERENCE = 100


@dataclass(frozen=True, slots=True)
class BankPayment:
    """A payment, and for what it is: an instalment, or an application."""

    reference: str
    paid_on: date
    amount: Decimal
    application: str
    repayment: int | None


def payment_of(line: Line) -> BankPayment:
    """What the line says.

    Raises:
        NotPossible: it makes no sense.
    """
    if line.problem:
        raise NotPossible(f"The line {line.problem}.")
    columns = line.columns
    application, repayment = columns.get("application", ""), columns.get("repayment", "")
    if not application and not repayment:
        raise NotPossible("The line names neither an application nor a repayment.")
    return BankPayment(
        reference=_reference(columns["reference"]),
        paid_on=_day(columns["date"]),
        amount=_amount(columns["amount"]),
        application=application,
        repayment=_id(repayment) if repayment else None,
    )


def _reference(text: str) -> str:
    if not 0 < len(text) <= LONGEST_REFERENCE:
        raise NotPossible(f"The bank's reference must have 1 to {LONGEST_REFERENCE} characters, not {len(text)}.")
    return text


def _day(text: str) -> date:
    for form in DATES:
        try:
            day = datetime.strptime(text, form).date()  # noqa: DTZ007 - a day has no zone
        except ValueError:
            continue
        return as_payment_day(day)
    raise NotPossible(f"{text[:50]!r} is not a day; write it as 2026-03-31 or 31/03/2026.")


def _amount(text: str) -> Decimal:
    if not AMOUNT.fullmatch(text):
        raise NotPossible(f"{text[:50]!r} is not an amount; write it as 1000.00, without sign and thousands separator.")
    return as_amount(text.replace(",", "."))


def _id(text: str) -> int:
    if not ID.fullmatch(text):
        raise NotPossible(f"{text[:50]!r} is not the id of a repayment; it is a whole number.")
    return int(text)
