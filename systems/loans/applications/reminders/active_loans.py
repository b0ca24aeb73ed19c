"""Loans that run: interest and expiry are announced to administrators and accounts, each date once."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial

from django.db.models import Exists

from applications.models import ActiveLoan
from applications.reminders.addresses import Office
from applications.reminders.inbox import Notice
from applications.reminders.sweep import Mail, Plan, Sweep
from applications.reminders.texts import days_ahead, letter
from core.clock import now, today
from core.deliveries import Key
from core.mailing import Letter, Sender
from core.sweeps import Outcome
from users.models import NotificationType

logger = logging.getLogger(__name__)

SOON = timedelta(days=7)
EXPIRES_SOON = timedelta(days=30)
KEPT = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class Alert:
    """A date of a loan, and which of its thresholds is reached."""

    kind: str
    title: str
    day: date


def announce_dates_of_loans(send: Sender, *, until: float | None = None) -> Outcome:
    """Tell of all dates that come near, and remove loans that were closed long ago.

    Raises:
        MailServerDown: the server did not answer several times in a row.
        TimeUp: the run took as long as it may.
    """
    remove_closed_loans()
    sweep = Sweep(send, until)
    loans = ActiveLoan.objects.filter(is_active=True).select_related("application")
    return sweep.over(loans, partial(_plan, sweep.office, today()))


def announce_dates_of_loan(send: Sender, loan_id: int) -> Outcome | None:
    """The same at once for one loan; None if there is no such loan.

    Raises:
        MailServerDown: the server did not answer several times in a row.
    """
    loan = ActiveLoan.objects.filter(pk=loan_id).select_related("application").first()
    if loan is None:
        logger.warning("nobody is alerted: there is no loan %s", loan_id)
        return None
    sweep = Sweep(send)
    return sweep.handle([loan] if loan.is_active else [], partial(_plan, sweep.office, today()))


def remove_closed_loans() -> int:
    """Remove loans that were closed long ago. For one whose closing nobody wrote down, the time begins now."""
    moment = now()
    closed = ActiveLoan.objects.filter(is_active=False)
    closed.filter(closed_at__isnull=True).update(closed_at=moment)
    return closed.filter(closed_at__lt=moment - KEPT).delete()[0]


def alerts(loan: ActiveLoan, day: date) -> Iterator[Alert]:
    """What is to be announced: of an expiry the closest threshold, of interest each date of the next days.

    A date that passed while nobody worked is announced late; that of an interest payment at most a week late.
    """
    expiry = loan.loan_expiry_date
    if expiry <= day + SOON:
        yield Alert("expiry_7", "Loan expires within 7 days", expiry)
    elif expiry <= day + EXPIRES_SOON:
        yield Alert("expiry_30", "Loan expires within 30 days", expiry)
    for due in map(date.fromisoformat, loan.interest_payment_due_dates):
        if day - SOON <= due <= day + SOON:
            yield Alert("interest_7", "Interest payment is due", due)


def _is_running(loan: ActiveLoan) -> Exists:
    return Exists(ActiveLoan.objects.filter(pk=loan.pk, is_active=True))


def _plan(office: Office, day: date, loan: ActiveLoan) -> Plan | None:
    plan = Plan(loan, partial(_is_running, loan))
    for alert in alerts(loan, day):
        reference = loan.application.reference_number
        subject = f"{alert.title}: {reference}"
        text = f"{alert.title}: application {reference}, {alert.day.isoformat()} ({days_ahead(alert.day, day)})."
        for user in office.money_people:
            key = Key("check_active_loans", f"loan:{loan.pk}", alert.kind, user.email.casefold(), str(alert.day))
            plan.mails.append(Mail(key, Letter(user.email, subject, letter(str(user), text))))
            notice_key = f"loan:{loan.pk}:{alert.kind}:{alert.day}:{user.pk}"
            plan.notices.append(Notice(user, NotificationType.SYSTEM, subject, text, loan.application, notice_key))
    return plan if plan.mails else None
