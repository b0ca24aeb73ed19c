"""A small world in which every address of the API leads to something."""

from __future__ import annotations

from core.clock import now, today
from documents.models import BadLine, DocumentJob, Ledger, RepaymentImport
from reminders.models import Reminder
from reports.models import Report
from tests.factories import (
    AdminFactory,
    ApplicationFactory,
    BDMFactory,
    BDUserFactory,
    BorrowerFactory,
    BranchFactory,
    BrokerFactory,
    BrokerUserFactory,
    DocumentFactory,
    FeeFactory,
    GuarantorFactory,
    NoteFactory,
    NotificationFactory,
    RepaymentFactory,
    UserFactory,
)
from users.models import User


def one_of_each() -> tuple[User, User]:
    """One of each thing, with the key 1; an administrator, and the broker to whom most of it belongs."""
    admin = AdminFactory(pk=1)
    branch = BranchFactory(pk=1)
    broker = BrokerFactory(pk=1, branch=branch, user=BrokerUserFactory(pk=2))
    manager = BDMFactory(pk=1, branch=branch, user=BDUserFactory(pk=3))
    borrower = BorrowerFactory(pk=1, user=UserFactory(pk=4))
    GuarantorFactory(pk=1, borrower=borrower)
    own = ApplicationFactory(pk=1, broker=broker, bd=manager, branch=branch, borrowers=[borrower], loan_term=12)
    for factory in (RepaymentFactory, FeeFactory, DocumentFactory):
        factory(pk=1, application=own)
    NoteFactory(pk=1, application=own, created_by=manager.user)
    Ledger.objects.create(application=own, transaction_type="adjustment", amount=1, transaction_date=now())
    DocumentJob.objects.create(application=own, document_type="application_form", requested_by=broker.user)
    BadLine.objects.create(source=RepaymentImport.objects.create(pk=1), line=2, text="?", reason="It makes no sense.")
    Report.objects.create(pk=1, kind="weekly", period_start=today(), period_end=today(), data={})
    Reminder.objects.create(
        pk=1, recipient_email=borrower.email, send_datetime=now(), created_by=broker.user, related_application=own
    )
    NotificationFactory(pk=1, user=broker.user)
    return admin, broker.user
