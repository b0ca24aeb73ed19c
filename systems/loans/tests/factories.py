"""Test data: each factory makes a plain, valid thing, and says nothing that a test did not ask for."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import factory
from django.core.files.base import ContentFile
from factory.django import DjangoModelFactory

from applications.models import Application, Stage
from borrowers.models import Borrower, Guarantor
from brokers.models import BDM, Branch, Broker
from core.clock import now, today
from documents.models import Document, Fee, Note, Repayment
from users.models import Notification, NotificationType, Role, User

PASSWORD = "correct horse battery staple"


class UserFactory(DjangoModelFactory):
    """Somebody who can log in with `PASSWORD`."""

    class Meta:
        model = User
        skip_postgeneration_save = True

    email = factory.Sequence(lambda n: f"person{n}@example.com")
    first_name = "Pat"
    last_name = factory.Sequence(lambda n: f"Person{n}")
    role = Role.CLIENT
    password = factory.django.Password(PASSWORD)


class AdminFactory(UserFactory):
    email = factory.Sequence(lambda n: f"admin{n}@example.com")
    role = Role.ADMIN
    is_staff = True


class BDUserFactory(UserFactory):
    email = factory.Sequence(lambda n: f"bd{n}@example.com")
    role = Role.BD


class BrokerUserFactory(UserFactory):
    email = factory.Sequence(lambda n: f"broker{n}@example.com")
    role = Role.BROKER


class AccountsUserFactory(UserFactory):
    email = factory.Sequence(lambda n: f"accounts{n}@example.com")
    role = Role.ACCOUNTS


class BranchFactory(DjangoModelFactory):
    class Meta:
        model = Branch

    name = factory.Sequence(lambda n: f"Branch {n}")
    email = factory.Sequence(lambda n: f"branch{n}@example.com")


class BDMFactory(DjangoModelFactory):
    class Meta:
        model = BDM

    name = factory.Sequence(lambda n: f"Manager {n}")
    email = factory.LazyAttribute(lambda bdm: bdm.user.email if bdm.user else "")
    user = factory.SubFactory(BDUserFactory)
    branch = factory.SubFactory(BranchFactory)


class BrokerFactory(DjangoModelFactory):
    class Meta:
        model = Broker

    name = factory.Sequence(lambda n: f"Broker {n}")
    company = factory.Sequence(lambda n: f"Brokers {n} Pty Ltd")
    email = factory.LazyAttribute(lambda broker: broker.user.email if broker.user else "")
    user = factory.SubFactory(BrokerUserFactory)


class BorrowerFactory(DjangoModelFactory):
    """A borrower with an address and no login; give one with `user=UserFactory()`."""

    class Meta:
        model = Borrower

    first_name = "Bo"
    last_name = factory.Sequence(lambda n: f"Rower{n}")
    email = factory.Sequence(lambda n: f"borrower{n}@example.com")


class GuarantorFactory(DjangoModelFactory):
    class Meta:
        model = Guarantor

    name = factory.Sequence(lambda n: f"Guarantor {n}")


class ApplicationFactory(DjangoModelFactory):
    """An inquiry with a manager and a broker; `borrowers=[…]` adds borrowers."""

    class Meta:
        model = Application
        skip_postgeneration_save = True

    stage = Stage.INQUIRY
    application_type = "residential"
    purpose = "A house"
    loan_amount = Decimal("500000.00")
    loan_term = 360
    interest_rate = Decimal("6.00")
    broker = factory.SubFactory(BrokerFactory)
    bd = factory.SubFactory(BDMFactory)

    @factory.post_generation
    def borrowers(self, create: bool, given: list[Borrower] | None, **_: Any) -> None:
        if create and given:
            self.borrowers.add(*given)


class NoteFactory(DjangoModelFactory):
    class Meta:
        model = Note

    title = factory.Sequence(lambda n: f"Note {n}")
    content = "Ring them up."
    application = factory.SubFactory(ApplicationFactory)
    created_by = factory.SubFactory(BDUserFactory)
    remind_date = None


class RepaymentFactory(DjangoModelFactory):
    class Meta:
        model = Repayment

    application = factory.SubFactory(ApplicationFactory)
    amount = Decimal("1000.00")
    due_date = factory.LazyFunction(lambda: today() + timedelta(days=30))


class FeeFactory(DjangoModelFactory):
    class Meta:
        model = Fee

    application = factory.SubFactory(ApplicationFactory)
    fee_type = Fee.Kind.APPLICATION
    amount = Decimal("500.00")
    due_date = factory.LazyFunction(lambda: today() + timedelta(days=30))


class DocumentFactory(DjangoModelFactory):
    class Meta:
        model = Document

    title = factory.Sequence(lambda n: f"Paper {n}")
    application = factory.SubFactory(ApplicationFactory)
    file = factory.LazyFunction(lambda: ContentFile(b"%PDF-1.4 a paper", name="paper.pdf"))
    file_name = "paper.pdf"
    file_type = "application/pdf"
    file_size = 16


class NotificationFactory(DjangoModelFactory):
    class Meta:
        model = Notification

    user = factory.SubFactory(UserFactory)
    title = factory.Sequence(lambda n: f"News {n}")
    message = "Something happened."
    notification_type = NotificationType.SYSTEM


def overdue(days: int, **values: Any) -> Repayment:
    """A repayment that was due so many days ago."""
    return RepaymentFactory(due_date=today() - timedelta(days=days), **values)


def long_in_stage(days: int, **values: Any) -> Application:
    """An application that came to its stage so many days ago."""
    return ApplicationFactory(stage_last_updated=now() - timedelta(days=days), **values)
