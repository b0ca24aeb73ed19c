"""The only writer of the ledger. Each function is called in the transaction that makes what it writes down true.

Entries are never changed or deleted. An instalment that is replaced or cancelled leaves its entry behind, and an
adjustment takes the sum back.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from core.clock import now, start_of, today
from documents.models import Fee, Ledger, Repayment

if TYPE_CHECKING:
    from applications.models import Application
    from users.models import User

Kind = Ledger.Kind


def fee_created(fee: Fee, by: User | None) -> Ledger:
    """A fee is due."""
    return _write(_entry_of_fee(fee, Kind.FEE_CREATED, now(), by))


def fee_paid(fee: Fee, paid_on: date, by: User | None) -> Ledger:
    """A fee was paid."""
    return _write(_entry_of_fee(fee, Kind.FEE_PAID, _moment_on(paid_on), by))


def repayments_scheduled(repayments: Iterable[Repayment], by: User | None) -> list[Ledger]:
    """Instalments are due: one entry for each, in one statement."""
    moment = now()
    return Ledger.objects.bulk_create(
        [_entry_of_repayment(row, Kind.REPAYMENT_SCHEDULED, row.amount, moment, by) for row in repayments]
    )


def no_longer_due(application: Application, amount: Decimal, why: str, by: User | None) -> Ledger:
    """What was to be paid will not be: an adjustment takes the sum back."""
    return _write(
        Ledger(
            application=application,
            transaction_type=Kind.ADJUSTMENT,
            amount=-amount,
            transaction_date=now(),
            description=why,
            created_by=by,
        )
    )


def repayment_received(repayment: Repayment, paid_on: date, by: User | None) -> Ledger:
    """What was due of an instalment was paid."""
    moment = _moment_on(paid_on)
    return _write(_entry_of_repayment(repayment, Kind.REPAYMENT_RECEIVED, repayment.amount, moment, by))


def surplus_received(repayment: Repayment, surplus: Decimal, paid_on: date, by: User | None) -> Ledger:
    """More was paid than was due."""
    entry = _entry_of_repayment(repayment, Kind.ADJUSTMENT, surplus, _moment_on(paid_on), by)
    entry.description = f"paid beyond the instalment due {repayment.due_date}"
    return _write(entry)


def _entry_of_fee(fee: Fee, kind: Kind, moment: datetime, by: User | None) -> Ledger:
    return Ledger(
        application_id=fee.application_id,
        transaction_type=kind,
        amount=fee.amount,
        transaction_date=moment,
        description=fee.get_fee_type_display(),
        related_fee=fee,
        created_by=by,
    )


def _entry_of_repayment(row: Repayment, kind: Kind, amount: Decimal, moment: datetime, by: User | None) -> Ledger:
    return Ledger(
        application_id=row.application_id,
        transaction_type=kind,
        amount=amount,
        transaction_date=moment,
        description=f"instalment due {row.due_date}",
        related_repayment=row,
        created_by=by,
    )


def _write(entry: Ledger) -> Ledger:
    entry.save(force_insert=True)
    return entry


def _moment_on(day: date) -> datetime:
    """A moment for what is only known to have happened on a day: this one, or else the first of that day."""
    return now() if day == today() else start_of(day)
