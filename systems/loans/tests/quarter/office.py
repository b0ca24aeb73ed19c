"""The people and the loans of a small office, the same each time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from applications.models import Application, Stage
from borrowers.models import Borrower
from brokers.models import BDM
from core.clock import zone
from documents.models import Note, Repayment
from tests.factories import (
    AdminFactory,
    ApplicationFactory,
    BDMFactory,
    BorrowerFactory,
    BrokerFactory,
    NoteFactory,
    RepaymentFactory,
)
from users.models import NotificationPreference, User

NAMES = [
    "Ada Wong",
    "Ben Okoro",
    "Chloé Martin",
    "Dimitri Pappas",
    "Eun-ji Park",
    "Farid Nazari",
    "Grace Nguyễn",
    "Hugo Silva",
]
#: How many days after it is due each of them pays; None: never.
HABITS = (0, 5, None, -1, 8, 0, None, 12)
#: On which day of the month their instalments are due: also on days that not every month has.
DAYS = (1, 5, 10, 15, 20, 28, 30, 31)
MONTHS = ((2026, 3), (2026, 4), (2026, 5))
LAST_DAY = {3: 31, 4: 30, 5: 31}


@dataclass(slots=True)
class Office:
    """What the promises are checked on."""

    admin: User
    manager: BDM
    pays_on: dict[int, date | None]  # by instalment
    notes: list[Note]
    pipeline: list[Application]
    loans: list[Application]
    poisoned: Borrower


def local(day: date, hour: int, minute: int = 0) -> datetime:
    """A moment as the clock on the office's wall shows it."""
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=zone())


def address(name: str) -> str:
    """Where a person gets mail."""
    plain = name.lower().replace(" ", ".").replace("é", "e").replace("ễ", "e")
    return f"{plain}@example.com"


def open_office() -> Office:
    """Everything that there is on the first day."""
    admin = AdminFactory(email="alex.admin@example.com")
    manager = BDMFactory(name="Max Manager", user__email="max.manager@example.com")
    broker = BrokerFactory(name="Bea Broker", user__email="bea.broker@example.com")
    for user in (admin, manager.user):
        NotificationPreference.objects.update_or_create(
            user=user, defaults={"daily_digest": True, "weekly_digest": True}
        )
    pays_on: dict[int, date | None] = {}
    loans = []
    for name, habit, day in zip(NAMES, HABITS, DAYS, strict=True):
        first, _, last = name.partition(" ")
        borrower = BorrowerFactory(first_name=first, last_name=last, email=address(name))
        loan = ApplicationFactory(stage=Stage.FUNDED, bd=manager, broker=broker, borrowers=[borrower])
        loans.append(loan)
        for row in instalments(loan, day):
            pays_on[row.pk] = None if habit is None else row.due_date + timedelta(days=habit)
    poisoned = BorrowerFactory(email="nobody@example.com\nBcc: everybody@example.com")
    loans.append(ApplicationFactory(stage=Stage.FUNDED, bd=manager, broker=broker, borrowers=[poisoned]))
    instalments(loans[-1], 12)
    pipeline = [ApplicationFactory(bd=manager, broker=broker) for _ in range(4)]
    notes = [
        NoteFactory(title=f"Call {name}", remind_date=moment, created_by=manager.user, application=loans[0])
        for name, moment in zip(
            NAMES,
            (
                local(date(2026, 3, 4), 9),
                local(date(2026, 3, 4), 16, 45),
                local(date(2026, 3, 11), 8, 30),  # nobody works that day
                local(date(2026, 4, 4), 9),
                local(date(2026, 4, 5), 1, 30),  # the night in which the clocks go back
                local(date(2026, 4, 5), 9),
                local(date(2026, 4, 30), 23, 45),
                local(date(2026, 5, 20), 7, 15),
            ),
            strict=True,
        )
    ]
    return Office(admin, manager, pays_on, notes, pipeline, loans, poisoned)


def instalments(loan: Application, day: int) -> list[Repayment]:
    """One a month, on that day or on the last that the month has."""
    return [
        RepaymentFactory(application=loan, due_date=date(year, month, min(day, LAST_DAY[month])))
        for year, month in MONTHS
    ]
