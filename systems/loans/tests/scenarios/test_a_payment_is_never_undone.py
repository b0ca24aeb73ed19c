"""Whatever runs while somebody pays, the payment stays, with its day and its amount."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest
from coldframe import Bench

from applications.models import Stage
from core.clock import today
from documents.models import Ledger, Repayment
from documents.payments import record_payment
from tests.factories import ApplicationFactory, BorrowerFactory, RepaymentFactory
from tests.mailbox import Mailbox

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.task,
    pytest.mark.coldframe(beat=["check-repayment-reminders"], start="2026-03-01T00:00+11:00", undrained="allow"),
]


@pytest.mark.parametrize("days_after_due", [-7, 3, 7, 10])
def test_a_payment_during_any_of_the_reminders_stays(coldframe: Bench, mailbox: Mailbox, days_after_due: int) -> None:
    """The payment comes in during the very message of that day, from another process, through the service."""
    application = ApplicationFactory(stage=Stage.FUNDED, borrowers=[BorrowerFactory()])
    row = RepaymentFactory(application=application, due_date=date(2026, 3, 20), amount=Decimal("250.00"))
    day = row.due_date + timedelta(days=days_after_due)

    def pay(_address: str) -> None:
        if today() == day:
            record_payment(Repayment.objects.get(pk=row.pk), day, key="bank-4711")

    mailbox.on_mail = pay
    coldframe.advance(days=60)
    row.refresh_from_db()
    assert (row.paid_date, row.paid_amount, row.payment_key) == (day, Decimal("250.00"), "bank-4711")
    received = Ledger.objects.filter(related_repayment=row, transaction_type=Ledger.Kind.REPAYMENT_RECEIVED)
    assert [entry.amount for entry in received] == [Decimal("250.00")]
    assert all(mail.at.date() <= day for mail in mailbox.mails if "epayment" in mail.subject)
