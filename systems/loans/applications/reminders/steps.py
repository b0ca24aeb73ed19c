"""How a repayment is reminded of: which step is due when, and where it is written down that it was taken."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from django.db.models import CharField, Exists, OuterRef, Q, QuerySet, Value
from django.db.models.functions import Cast, Concat

from applications.models import FALLEN_THROUGH
from core.deliveries import OPEN, Key, Status
from core.models import DeliveryLedger
from documents.models import DUE_SOON_DAYS, Repayment
from users.models import NotificationType

UPCOMING_FLAG = "reminder_sent"
TASK = "check_repayment_reminders"

UPCOMING = "Upcoming Repayment Reminder"
OVERDUE = "OVERDUE Repayment Notice"
URGENT = "URGENT: 7 Days OVERDUE Repayment"
ESCALATION = "ESCALATION: 10 Days Overdue Repayment"


@dataclass(frozen=True, slots=True)
class Step:
    """From `first` to `last` days after the due date, the borrowers (or the desk) are to be told once."""

    kind: str
    subject: str
    first: int
    last: int | None
    flag: str = ""  # empty: only the delivery ledger remembers this step
    to_desk: bool = False

    @property
    def is_overdue(self) -> bool:
        """Is it late?"""
        return self.first > 0

    @property
    def about(self) -> str:
        """As which kind of notification."""
        return NotificationType.REPAYMENT_OVERDUE if self.is_overdue else NotificationType.REPAYMENT_UPCOMING

    @property
    def marks(self) -> str:
        """The flag to set: its own, or that of the reminder before it, which is settled by a later one."""
        return self.flag or (UPCOMING_FLAG if self.first > -DUE_SOON_DAYS else "")

    def key(self, row: Repayment, recipient: str, kind: str = "") -> Key:
        """The one message about this step to that recipient."""
        return Key(TASK, f"repayment:{row.pk}", kind or self.kind, recipient.casefold(), row.due_date.isoformat())

    def rows(self, today: date) -> QuerySet[Repayment]:
        """Unpaid instalments that are at this step and of which not everybody was told who is to be told."""
        rows = unpaid().filter(due_date__lte=today - timedelta(days=self.first))
        if self.last is not None:
            rows = rows.filter(due_date__gte=today - timedelta(days=self.last))
        about_row = Concat(Value("repayment:"), Cast(OuterRef("pk"), CharField()))
        ledger = DeliveryLedger.objects.filter(task=TASK, object=about_row, kind=self.kind)
        not_told = Q(**{self.flag: False}) if self.flag else ~Exists(ledger.filter(status=Status.SENT))
        return rows.filter(not_told | Exists(ledger.filter(status__in=OPEN)))


def unpaid() -> QuerySet[Repayment]:
    """Instalments that somebody owes: those of an application that fell through are not owed."""
    return Repayment.objects.filter(paid_date__isnull=True).exclude(application__stage__in=FALLEN_THROUGH)


OVERDUE_STEPS = (
    Step("overdue_10", ESCALATION, 10, None, "overdue_10_day_sent", to_desk=True),
    Step("overdue_7", URGENT, 7, 9, "overdue_7_day_sent"),
    Step("overdue_3", OVERDUE, 3, 6, "overdue_3_day_sent"),
)


def steps(days_before: Sequence[int] = (DUE_SOON_DAYS,)) -> list[Step]:
    """All steps, the last one first. No day belongs to two of them: a row is only at its highest."""
    ahead = sorted({day for day in days_before if day >= 0})
    ends = [0, *(-day - 1 for day in ahead)]
    return [*OVERDUE_STEPS, *(_upcoming(day, end) for day, end in zip(ahead, ends, strict=False))]


def _upcoming(days: int, last: int) -> Step:
    flag = UPCOMING_FLAG if days == DUE_SOON_DAYS else ""
    return Step(f"upcoming_{days}", UPCOMING, -days, last, flag)
