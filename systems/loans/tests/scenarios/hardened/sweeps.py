"""The sweeps of each day. Each is run on two days: the second one makes up for what the first one had to leave."""

from __future__ import annotations

from datetime import date, timedelta

import coldframe
from coldframe import Bench

from applications.models import ActiveLoan, Application, Stage
from applications.tasks import (
    alert_about_active_loan,
    check_active_loans,
    check_note_reminders,
    check_repayment_reminders,
    check_stagnant_applications,
    check_stale_applications,
    send_daily_digest,
    send_repayment_reminders,
    send_weekly_digest,
)
from core.clock import now
from housekeeping.tasks import clean_up
from reminders.models import Reminder
from reminders.tasks import check_due_reminders
from reports.tasks import generate_weekly_report, run_monthly_compliance_check
from tests.factories import (
    AdminFactory,
    ApplicationFactory,
    BDMFactory,
    BorrowerFactory,
    NoteFactory,
    NotificationFactory,
    RepaymentFactory,
    UserFactory,
)
from tests.scenarios.hardened.promises import mailed, noticed
from users.models import Notification, NotificationPreference

#: A Thursday at noon, where the office is.
NOON = "2026-03-12T12:00+11:00"
ANN, BEN, BOSS, ADMIN = "ann@example.com", "ben@example.com", "boss@example.com", "admin@example.com"
REFERENCE = "APP-00000001"


def two_days(bench: Bench, task: object, *args: object) -> None:
    """The same task today and tomorrow."""
    for _ in range(2):
        task.delay(*args)
        bench.advance(days=1)


def loan(**values: object) -> Application:
    """An application that its boss looks after; nobody else is told of it."""
    manager = BDMFactory(user__email=BOSS)
    plain = {"reference_number": REFERENCE, "stage": Stage.FUNDED, "bd": manager}
    return ApplicationFactory(**{**plain, **values})


# --- repayments ---------------------------------------------------------------------------------------------


def three_instalments() -> None:
    """One is due in a week, one is three days late, and one ten."""
    application = loan(borrowers=[BorrowerFactory(email=ANN), BorrowerFactory(email=BEN)])
    for day in (date(2026, 3, 19), date(2026, 3, 9), date(2026, 3, 2)):
        RepaymentFactory(application=application, due_date=day)


UPCOMING, OVERDUE = "Upcoming Repayment Reminder", "OVERDUE Repayment Notice"
REPAYMENT_MAILS = [
    *((person, subject) for person in (ANN, BEN) for subject in (UPCOMING, OVERDUE)),
    (BOSS, "ESCALATION: 10 Days Overdue Repayment"),
]


@coldframe.scenario(setup=three_instalments, promises=mailed(*REPAYMENT_MAILS), start=NOON)
def repayments(bench: Bench) -> None:
    two_days(bench, check_repayment_reminders)


@coldframe.scenario(setup=three_instalments, promises=mailed(*REPAYMENT_MAILS), start=NOON)
def repayments_before_other_days(bench: Bench) -> None:
    two_days(bench, send_repayment_reminders)


# --- applications that do not move ----------------------------------------------------------------------------


def two_stuck_applications() -> None:
    """Both of the same boss."""
    manager = BDMFactory(user__email=BOSS)
    for number in (1, 2):
        ApplicationFactory(
            reference_number=f"APP-0000000{number}", bd=manager, stage_last_updated=now() - timedelta(days=15)
        )


STALE = [(BOSS, f"Stale Application Alert: APP-0000000{number}") for number in (1, 2)]
STAGNANT = [(BOSS, f"Application APP-0000000{number} does not move") for number in (1, 2)]


@coldframe.scenario(setup=two_stuck_applications, promises=mailed(*STALE), start=NOON)
def stale(bench: Bench) -> None:
    two_days(bench, check_stale_applications)


@coldframe.scenario(setup=two_stuck_applications, promises=noticed(*STAGNANT), start=NOON)
def stagnant(bench: Bench) -> None:
    two_days(bench, check_stagnant_applications)


# --- notes and reminders ----------------------------------------------------------------------------------------


def a_note() -> None:
    """Of Ann, about an application of her boss, for an hour ago."""
    NoteFactory(
        title="Call", application=loan(), created_by=UserFactory(email=ANN), remind_date=now() - timedelta(hours=1)
    )


NOTE = [(ANN, "Note Reminder: Call"), (BOSS, "Note Reminder: Call")]


@coldframe.scenario(setup=a_note, promises=(mailed(*NOTE), noticed(*NOTE)), start=NOON)
def notes(bench: Bench) -> None:
    two_days(bench, check_note_reminders)


def two_reminders() -> None:
    """To Ann and to Ben, both due."""
    for person in (ANN, BEN):
        Reminder.objects.create(recipient_email=person, subject="Hello", email_body="Hi.", send_datetime=now())


@coldframe.scenario(setup=two_reminders, promises=mailed((ANN, "Hello"), (BEN, "Hello")), start=NOON)
def reminders(bench: Bench) -> None:
    two_days(bench, check_due_reminders)


# --- loans that run ---------------------------------------------------------------------------------------------


def a_loan_near_its_end() -> None:
    """Interest is due tomorrow, and the loan expires in three weeks."""
    AdminFactory(email=ADMIN)
    ActiveLoan.objects.create(
        pk=1,
        application=loan(),
        settlement_date=date(2025, 3, 12),
        loan_expiry_date=date(2026, 4, 2),
        interest_payment_due_dates=["2026-03-13"],
    )


LOAN = mailed((ADMIN, f"Interest payment is due: {REFERENCE}"), (ADMIN, f"Loan expires within 30 days: {REFERENCE}"))


@coldframe.scenario(setup=a_loan_near_its_end, promises=LOAN, start=NOON)
def active_loans(bench: Bench) -> None:
    two_days(bench, check_active_loans)


@coldframe.scenario(setup=a_loan_near_its_end, promises=LOAN, start=NOON)
def one_active_loan(bench: Bench) -> None:
    two_days(bench, alert_about_active_loan, 1)


# --- digests and reports ------------------------------------------------------------------------------------------


def readers() -> None:
    """Ann and Ben have something to read of yesterday, and of the week before."""
    for person in (ANN, BEN):
        user = UserFactory(email=person)
        NotificationPreference.objects.update_or_create(
            user=user, defaults={"daily_digest": True, "weekly_digest": True}
        )
        for days in (1, 7):
            news = NotificationFactory(user=user, title=f"{days} days ago")
            Notification.objects.filter(pk=news.pk).update(created_at=now() - timedelta(days=days))


@coldframe.scenario(
    setup=readers,
    promises=mailed(*((person, "Your daily digest for 11 March 2026") for person in (ANN, BEN))),
    start=NOON,
)
def daily_digest(bench: Bench) -> None:
    two_days(bench, send_daily_digest)


@coldframe.scenario(
    setup=readers,
    promises=mailed(*((person, "Your weekly digest for 2 to 8 March 2026") for person in (ANN, BEN))),
    start=NOON,
)
def weekly_digest(bench: Bench) -> None:
    two_days(bench, send_weekly_digest)


def two_administrators() -> None:
    """Who are told of reports."""
    for person in (ANN, ADMIN):
        AdminFactory(email=person)


@coldframe.scenario(
    setup=two_administrators,
    promises=mailed(*((person, "Weekly report: 2 to 8 March 2026") for person in (ANN, ADMIN))),
    start=NOON,
)
def weekly_report(bench: Bench) -> None:
    two_days(bench, generate_weekly_report)


@coldframe.scenario(
    setup=two_administrators,
    promises=mailed(*((person, "Monthly compliance check: 1 to 28 February 2026") for person in (ANN, ADMIN))),
    start=NOON,
)
def monthly_check(bench: Bench) -> None:
    two_days(bench, run_monthly_compliance_check)


# --- the clean-up of each night -------------------------------------------------------------------------------------


def old_and_new_rows() -> None:
    """What was read half a year ago may go; what was not read stays."""
    user = AdminFactory(email=ADMIN)
    for title, is_read in (("old", True), ("unread", False)):
        news = NotificationFactory(user=user, title=title, is_read=is_read)
        Notification.objects.filter(pk=news.pk).update(created_at=now() - timedelta(days=181))
    NotificationFactory(user=user, title="new", is_read=True)


@coldframe.scenario(setup=old_and_new_rows, promises=noticed((ADMIN, "unread"), (ADMIN, "new")), start=NOON)
def night(bench: Bench) -> None:
    two_days(bench, clean_up)
