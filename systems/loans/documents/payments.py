"""Repayments that are added by hand, and payments. A payment is booked once, and nothing here undoes one."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import F

from core.clock import now
from core.errors import Conflict, NotPossible
from documents import ledger
from documents.models import Repayment
from documents.money import as_amount, as_due_day, as_payment_day

if TYPE_CHECKING:
    from applications.models import Application
    from users.models import User


def add_repayment(application: Application, amount: Decimal | int | str, due_date: date, by: User | None) -> Repayment:
    """A new instalment, and its entry in the ledger.

    Raises:
        NotPossible: amount or day make no sense.
    """
    row = Repayment(application=application, amount=as_amount(amount), due_date=as_due_day(due_date), created_by=by)
    with transaction.atomic():
        row.save(force_insert=True)
        ledger.repayments_scheduled([row], by)
    return row


def cancel_repayment(repayment: Repayment, by: User | None) -> None:
    """Take back an instalment that was made by mistake, and its sum in the ledger.

    Raises:
        Conflict: it was paid, or is no longer there.
    """
    with transaction.atomic():
        unpaid = Repayment.objects.select_for_update().filter(pk=repayment.pk, paid_date__isnull=True).first()
        if unpaid is None:
            raise Conflict("This instalment was paid, or is no longer there; only an unpaid one can be cancelled.")
        why = f"instalment due {unpaid.due_date} cancelled"
        ledger.no_longer_due(unpaid.application, unpaid.amount, why, by)
        unpaid.delete()


def record_payment(
    repayment: Repayment,
    paid_on: date,
    amount: Decimal | int | str | None = None,
    key: str = "",
    by: User | None = None,
) -> Repayment:
    """Record that an instalment was paid, as a whole. The same request again (`key`) changes nothing.

    Without an amount, what is due was paid. What is paid beyond that is booked as an adjustment. Only the columns of
    the payment are written: a reminder that is sent at this moment and the payment do not disturb each other.

    Raises:
        NotPossible: the day is in the future, or the amount is less than what is due.
        Conflict: it was paid already, or is no longer there.
    """
    paid_on = as_payment_day(paid_on)
    paid = F("amount") if amount is None else as_amount(amount)
    with transaction.atomic():
        unpaid = Repayment.objects.filter(pk=repayment.pk, paid_date__isnull=True, amount__lte=paid)
        won = unpaid.update(paid_date=paid_on, paid_amount=paid, payment_key=key, updated_at=now())
        row = Repayment.objects.filter(pk=repayment.pk).first()
        if row is None:
            raise Conflict("This instalment is no longer there: a new schedule took its place. Look at the list again.")
        if not won:
            return _paid_before(row, key, paid)
        ledger.repayment_received(row, paid_on, by)
        if row.paid_amount > row.amount:
            ledger.surplus_received(row, row.paid_amount - row.amount, paid_on, by)
    return row


def _paid_before(row: Repayment, key: str, paid: Decimal | F) -> Repayment:
    """The same request once more is answered as the first; any other is refused."""
    if row.paid_date is None:
        raise NotPossible(f"{paid} is less than the {row.amount} that is due; part of an instalment cannot be booked.")
    if not key or row.payment_key != key:
        raise Conflict(f"This instalment was already paid on {row.paid_date}; nothing was changed.")
    return row
