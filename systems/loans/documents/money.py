"""Sums and days of payment, checked the same way everywhere."""

from __future__ import annotations

from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation

from core.clock import today
from core.errors import NotPossible
from core.fields import FIRST_DAY, LAST_DAY

CENT = Decimal("0.01")
LARGEST = Decimal("9999999999.99")


def cents(amount: Decimal) -> Decimal:
    """Rounded to the cent; half a cent goes up."""
    return amount.quantize(CENT, ROUND_HALF_UP)


def as_amount(value: Decimal | int | str) -> Decimal:
    """A sum of money that can be due or paid.

    Raises:
        NotPossible: it is not a number, not more than nothing, too large, or finer than a cent.
    """
    try:
        amount = Decimal(str(value))
    except InvalidOperation:
        raise NotPossible(f"{value!r} is not an amount; write it as 1000.00.") from None
    if not amount.is_finite() or not 0 < amount <= LARGEST:
        raise NotPossible(f"The amount must be more than 0 and at most {LARGEST}, not {value}.")
    if amount != cents(amount):
        raise NotPossible(f"The amount {value} is finer than a cent; write it with two decimals.")
    return cents(amount)


def as_due_day(value: date) -> date:
    """A day on which something can be due.

    Raises:
        NotPossible: it is not a day, or not of these centuries.
    """
    if not isinstance(value, date) or isinstance(value, datetime):
        raise NotPossible(f"{value!r} is not a day; write it as 2026-03-31.")
    if not FIRST_DAY <= value <= LAST_DAY:
        raise NotPossible(f"{value} is not a likely day; it must be from {FIRST_DAY} to {LAST_DAY}.")
    return value


def as_payment_day(value: date) -> date:
    """A day on which a payment can have come in.

    Raises:
        NotPossible: it is not a likely day, or it is in the future.
    """
    if as_due_day(value) > today():
        raise NotPossible(f"A payment cannot be dated in the future: {value} is after today, {today()}.")
    return value
