"""What happens in the quarter: people pay, workers die, the mail server is down, somebody presses a button twice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from coldframe import Bench
from django.db import transaction

from applications.models import Application, Stage, StageChange
from applications.services import change_stage
from applications.tasks import check_repayment_reminders, send_application_status_notification
from core.clock import today
from core.enqueue import after_commit
from documents.generation import request_document
from documents.models import DocumentJob, DocumentType, Repayment
from documents.payments import record_payment
from documents.tasks import generate_document_async
from tests.mailbox import Mailbox
from tests.quarter.office import Office, local

FIRST, LAST = date(2026, 3, 1), date(2026, 5, 31)
OUTAGE = (local(date(2026, 3, 10), 6), local(date(2026, 3, 13), 12))
NO_MAIL = (local(date(2026, 4, 8), 0), local(date(2026, 4, 8), 22))
RUSH = local(date(2026, 4, 24), 7)


@dataclass(slots=True)
class Life:
    """The quarter, as it comes."""

    bench: Bench
    office: Office
    mailbox: Mailbox
    told: list[tuple[datetime, str]] = field(default_factory=list)
    changes: list[StageChange] = field(default_factory=list)
    jobs: list[DocumentJob] = field(default_factory=list)

    def live(self, tell: Callable[[str], object]) -> None:
        """Every day, and everything that was planned for it, in order."""
        plan = sorted([*self.payments(), *self.events()], key=lambda event: event[0])
        for moment, what, happen in plan:
            self.bench.run_until(moment)
            happen()
            if what:
                self.told.append((moment, what))
                tell(f"{moment:%d %b %H:%M}  {what}")
        self.bench.run_until(local(LAST + timedelta(days=1), 12))

    def payments(self) -> list[tuple[datetime, str, Callable[[], None]]]:
        """Each borrower pays as is their habit, at noon."""
        return [
            (local(day, 12), "", lambda pk=pk, day=day: self.pay(pk, day))
            for pk, day in self.office.pays_on.items()
            if day is not None and FIRST <= day <= LAST
        ]

    def pay(self, pk: int, day: date) -> None:
        """Somebody books a payment, and presses the button twice."""
        row = Repayment.objects.get(pk=pk)
        for _ in range(2):
            record_payment(row, day, key=f"payment-{pk}")

    def events(self) -> list[tuple[datetime, str, Callable[[], None]]]:
        """What is out of the ordinary."""
        return [
            (local(date(2026, 3, 6), 15), "a change of stage is rolled back", self.roll_back),
            (OUTAGE[0], "both workers are killed", self.kill_workers),
            (OUTAGE[1], "new workers start, after three days", self.start_workers),
            (local(date(2026, 3, 25), 10), "an application moves to pre-approval", self.move_one),
            (local(date(2026, 4, 5), 3), "the clocks have gone back by an hour", lambda: None),
            (NO_MAIL[0], "the mail server is down", lambda: setattr(self.mailbox, "down", True)),
            (NO_MAIL[1], "the mail server is up again", lambda: setattr(self.mailbox, "down", False)),
            (local(date(2026, 4, 20), 11), "a letter is asked for, and its message comes twice", self.ask_for_letter),
            (RUSH, "the repayment sweep is sent three times more, and mail takes 2 s each", self.rush),
            (RUSH + timedelta(hours=2), "", lambda: setattr(self.mailbox, "seconds", 0)),
        ]

    def start_workers(self) -> None:
        """Two, which read everything."""
        for name in ("north", "south"):
            self.bench.node(f"{name}-{today():%d%b}".lower())

    def kill_workers(self) -> None:
        """All of them, as a power cut would."""
        for name in ("north", "south"):
            self.bench.kill(f"{name}-{FIRST:%d%b}".lower())

    def roll_back(self) -> None:
        """The request fails after the change was made."""
        try:
            with transaction.atomic():
                self.change(self.office.pipeline[3])
                raise ConnectionError("power cut")
        except ConnectionError:
            self.changes.clear()

    def move_one(self) -> None:
        """As the pipeline page does it."""
        self.change(self.office.pipeline[0])

    def change(self, application: Application) -> None:
        """Move an application one step, and have it told."""
        change = change_stage(application, Stage.PRE_APPROVAL, self.office.admin)
        after_commit(send_application_status_notification, application.pk, change.to_stage)
        self.changes.append(change)

    def ask_for_letter(self) -> None:
        """A double click, or a broker that delivers twice."""
        job = request_document(self.office.pipeline[0], DocumentType.INDICATIVE_LETTER, self.office.admin)
        self.jobs.append(job)
        for _ in range(2):
            after_commit(
                generate_document_async,
                job.application_id,
                job.document_type,
                job.requested_by_id,
                task_id=str(job.pk),
            )

    def rush(self) -> None:
        """Two workers run the same sweep at the same time."""
        self.mailbox.seconds = 2
        for _ in range(3):
            check_repayment_reminders.delay()
