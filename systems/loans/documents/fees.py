"""Fees: made one by one or as the standard set, and paid once."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from django.db import transaction

from applications.models import Application
from core.clock import now, today
from core.errors import Conflict, NotPossible
from documents import ledger
from documents.models import Fee
from documents.money import as_amount, as_due_day, as_payment_day

if TYPE_CHECKING:
    from users.models import User

STANDARD_FEES = {
    Fee.Kind.APPLICATION: Decimal(500),
    Fee.Kind.VALUATION: Decimal(800),
    Fee.Kind.LEGAL: Decimal(1200),
    Fee.Kind.SETTLEMENT: Decimal(300),
}
STANDARD_FEES_DUE_IN = timedelta(days=30)


def add_fee(
    application: Application,
    fee_type: str,
    amount: Decimal | int | str,
    due_date: date | None,
    by: User | None,
    *,
    description: str = "",
) -> Fee:
    """A new fee, and its entry in the ledger.

    Raises:
        NotPossible: the kind is unknown, or amount or day make no sense.
    """
    if fee_type not in Fee.Kind:
        raise NotPossible(f"There is no fee {fee_type!r}; there are {', '.join(Fee.Kind.values)}.")
    fee = Fee(
        application=application,
        fee_type=fee_type,
        amount=as_amount(amount),
        due_date=due_date and as_due_day(due_date),
        description=description,
        created_by=by,
    )
    with transaction.atomic():
        fee.save(force_insert=True)
        ledger.fee_created(fee, by)
    return fee


@transaction.atomic
def create_standard_fees(application: Application, user: User | None) -> list[Fee]:
    """The fees that every application has. One that is there already stays as it is; all four are returned."""
    Application.objects.select_for_update(no_key=True).get(pk=application.pk)  # somebody else may ask for the same now
    due = today() + STANDARD_FEES_DUE_IN
    there: dict[str, Fee] = {}
    for fee in Fee.objects.filter(application=application, fee_type__in=STANDARD_FEES).order_by("pk"):
        there.setdefault(fee.fee_type, fee)
    return [there.get(kind) or add_fee(application, kind, amount, due, user) for kind, amount in STANDARD_FEES.items()]


def cancel_fee(fee: Fee, by: User | None) -> None:
    """Take back a fee that was made by mistake, and its sum in the ledger.

    Raises:
        Conflict: it was paid, or is no longer there.
    """
    with transaction.atomic():
        unpaid = Fee.objects.select_for_update().filter(pk=fee.pk, paid_date__isnull=True).first()
        if unpaid is None:
            raise Conflict("This fee was paid, or is no longer there; only an unpaid one can be cancelled.")
        why = f"{unpaid.get_fee_type_display()} cancelled"
        ledger.no_longer_due(unpaid.application, unpaid.amount, why, by)
        unpaid.delete()


def mark_fee_paid(fee: Fee, paid_on: date, key: str = "", by: User | None = None) -> Fee:
    """Record that a fee was paid. The same request again (`key`) changes nothing.

    Raises:
        NotPossible: the day is in the future.
        Conflict: it was paid already.
    """
    paid_on = as_payment_day(paid_on)
    with transaction.atomic():
        unpaid = Fee.objects.filter(pk=fee.pk, paid_date__isnull=True)
        won = unpaid.update(paid_date=paid_on, payment_key=key, updated_at=now())
        row = Fee.objects.filter(pk=fee.pk).first()
        if row is None:
            raise Conflict("This fee is no longer there; look at the list again.")
        if won:
            ledger.fee_paid(row, paid_on, by)
        elif not key or row.payment_key != key:
            raise Conflict(f"This fee was already paid on {row.paid_date}; nothing was changed.")
    return row
