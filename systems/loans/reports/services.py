"""Make the report of a period once, and mail it to each administrator once.

The report and the deliveries of its mail are written in one transaction; the mails go out after it. So there is no
report of which nobody was told, and a worker that dies leaves nothing half done.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial

from django.db import transaction
from django.db.models import Q, QuerySet

from core.clock import now, today
from core.deliveries import OPEN, Key, prepare
from core.mailing import Letter, Round, Sender
from core.models import DeliveryLedger
from core.periods import Period, months_before, owed, weeks_before
from core.sweeps import Outcome
from reports.contents import as_text, month_in_figures, week_in_figures
from reports.models import Report
from users.models import Role, User

#: For so long it is tried to tell the administrators of a report.
TELL_FOR = timedelta(days=31)


@dataclass(frozen=True, slots=True)
class Kind:
    """How a kind of report is made, and how many missed periods are made up for."""

    name: str
    task: str
    periods: Callable[[date, int], list[Period]]
    made_up_for: int
    figures: Callable[[Period], dict]


WEEKLY = Kind(Report.Kind.WEEKLY, "reports.tasks.generate_weekly_report", weeks_before, 4, week_in_figures)
MONTHLY = Kind(
    Report.Kind.MONTHLY_COMPLIANCE, "reports.tasks.run_monthly_compliance_check", months_before, 3, month_in_figures
)


def run(kind: Kind, send: Sender) -> Outcome:
    """Make what is owed of this kind, and tell the administrators of every report of which they were not told.

    That is the report of the last period, and those of missed ones: of the 4 weeks or 3 months before, but not before
    the first report that there is.

    Raises:
        MailServerDown: the mail server does not answer; what was not sent will be when any report is made.
    """
    for period in to_do(kind):
        make(kind, period)
    return tell(send)


def to_do(kind: Kind) -> list[Period]:
    """The periods that are over and have no report."""
    known = Report.objects.filter(kind=kind.name).order_by("period_start").values_list("period_start", flat=True)
    window = kind.periods(today(), kind.made_up_for)
    done = {day.isoformat() for day in known.filter(period_start__gte=window[0].first)}
    first = known.first()
    return owed(window, first_known=first and first.isoformat(), done=done)


@transaction.atomic
def make(kind: Kind, period: Period) -> Report:
    """The report of a period: made if there is none, and then written down whom to tell."""
    report, is_new = Report.objects.get_or_create(
        kind=kind.name,
        period_start=period.first,
        defaults={"period_end": period.last, "data": partial(kind.figures, period)},
    )
    if is_new:
        topic = _topic(report)
        prepare(Key(kind.task, topic, kind.name, admin.email, period.key) for admin in administrators())
    return report


def tell(send: Sender) -> Outcome:
    """Mail what was not mailed yet, of the reports of the last 31 days, to those who are administrators now.

    Raises:
        MailServerDown: the mail server does not answer.
    """
    reports = {_topic(report): report for report in Report.objects.filter(created_at__gte=now() - TELL_FOR)}
    addresses = set(administrators().values_list("email", flat=True))
    mails = Round(send)
    for delivery in _unsent(reports):
        mails.outcome.checked += 1
        if delivery.recipient in addresses:
            mails.mail(delivery, partial(_write, delivery.recipient, reports[delivery.object]))
        else:
            mails.outcome.skipped += 1
    return mails.outcome


def administrators() -> QuerySet[User]:
    """Who is told of reports."""
    return User.objects.filter(Q(role=Role.ADMIN) | Q(is_superuser=True), is_active=True).exclude(email="")


def _unsent(reports: dict[str, Report]) -> QuerySet[DeliveryLedger]:
    ours = DeliveryLedger.objects.filter(task__in=[WEEKLY.task, MONTHLY.task], object__in=reports)
    return ours.filter(status__in=OPEN).order_by("pk")


def _write(address: str, report: Report) -> Letter:
    period = Period(report.period_start, report.period_end)
    return Letter(address, f"{report.get_kind_display()}: {period}", as_text(report))


def _topic(report: Report) -> str:
    return f"report:{report.kind}:{report.period_start.isoformat()}"
