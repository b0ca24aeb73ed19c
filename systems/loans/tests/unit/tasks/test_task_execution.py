"""Each sweep on the bench: sent as a message, run by a node, seen in mailbox, rows and result."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from coldframe import Bench

from applications import tasks
from applications.models import ActiveLoan, Stage
from core.clock import now, today
from documents.models import Repayment
from tests.factories import (
    AdminFactory,
    ApplicationFactory,
    BDMFactory,
    BorrowerFactory,
    NoteFactory,
    NotificationFactory,
    RepaymentFactory,
    UserFactory,
    long_in_stage,
)
from tests.mailbox import Mailbox
from users.models import Notification, NotificationPreference

pytestmark = [
    pytest.mark.task,
    pytest.mark.django_db,
    pytest.mark.coldframe(start="2026-03-16T07:00+11:00"),
]

BOSS, ANN = "boss@example.com", "ann@example.com"
ONE = {"checked": 1, "sent": 1, "skipped": 0, "failed": 0}
NONE = {"checked": 0, "sent": 0, "skipped": 0, "failed": 0}


def run(bench: Bench, task: Any, *args: Any) -> dict[str, Any]:
    result = task.delay(*args)
    bench.drain()
    (last,) = bench.runs(task)[-1:]
    assert (last.state, last.queue) == ("SUCCESS", bench.app.amqp.router.route({}, task.name)["queue"].name)
    return result.get()


def instalment(days_late: int, **flags: bool) -> Repayment:
    application = ApplicationFactory(
        stage=Stage.FUNDED, bd=BDMFactory(user__email=BOSS), borrowers=[BorrowerFactory(email=ANN)]
    )
    return RepaymentFactory(
        application=application, amount=10000, due_date=today() - timedelta(days=days_late), **flags
    )


def test_check_stale_applications(coldframe: Bench, mailbox: Mailbox) -> None:
    application = long_in_stage(15, bd=BDMFactory(user__email=BOSS))
    assert run(coldframe, tasks.check_stale_applications) == ONE
    (mail,) = mailbox.mails
    assert (mail.to, mail.subject) == (BOSS, f"Stale Application Alert: {application.reference_number}")


def test_check_stagnant_applications(coldframe: Bench, mailbox: Mailbox) -> None:
    application = long_in_stage(15)
    assert run(coldframe, tasks.check_stagnant_applications) == ONE
    assert Notification.objects.get().user == application.bd.user
    assert mailbox.mails == []


def test_check_note_reminders(coldframe: Bench, mailbox: Mailbox) -> None:
    note = NoteFactory(title="Ring them", remind_date=now(), created_by=UserFactory(email=ANN), application=None)
    assert run(coldframe, tasks.check_note_reminders) == ONE
    assert [(mail.to, mail.subject) for mail in mailbox.mails] == [(ANN, "Note Reminder: Ring them")]
    note.refresh_from_db()
    assert note.remind_sent_at is not None


@pytest.mark.parametrize(
    ("days_late", "flag", "address", "subject", "words"),
    [
        (-7, "reminder_sent", ANN, "Upcoming Repayment Reminder", "in 7 days"),
        (3, "overdue_3_day_sent", ANN, "OVERDUE Repayment Notice", "3 days overdue"),
        (7, "overdue_7_day_sent", ANN, "URGENT: 7 Days OVERDUE Repayment", "7 days overdue"),
        (10, "overdue_10_day_sent", BOSS, "ESCALATION: 10 Days Overdue Repayment", "10 days overdue"),
    ],
)
def test_check_repayment_reminders(
    coldframe: Bench, mailbox: Mailbox, days_late: int, flag: str, address: str, subject: str, words: str
) -> None:
    row = instalment(days_late)
    assert run(coldframe, tasks.check_repayment_reminders) == ONE
    assert run(coldframe, tasks.check_repayment_reminders) == NONE
    (mail,) = mailbox.mails
    assert (mail.to, mail.subject) == (address, subject)
    assert words in mail.body
    assert "10000.00" in mail.body
    row.refresh_from_db()
    assert getattr(row, flag)
    assert getattr(row, f"{flag}_at") is not None


def test_send_repayment_reminders_knows_one_more_day(coldframe: Bench, mailbox: Mailbox) -> None:
    instalment(-1, reminder_sent=True)
    assert run(coldframe, tasks.check_repayment_reminders) == NONE
    assert run(coldframe, tasks.send_repayment_reminders) == ONE
    assert run(coldframe, tasks.send_repayment_reminders) == NONE
    assert "due tomorrow" in mailbox.to(ANN)[0].body


def loan_that_expires_soon() -> ActiveLoan:
    return ActiveLoan.objects.create(
        application=ApplicationFactory(), settlement_date=today(), loan_expiry_date=today() + timedelta(days=6)
    )


def test_check_active_loans(coldframe: Bench, mailbox: Mailbox) -> None:
    AdminFactory(email=ANN)
    loan_that_expires_soon()
    assert run(coldframe, tasks.check_active_loans) == ONE
    assert mailbox.to(ANN)[0].subject.startswith("Loan expires within 7 days")


def test_alert_about_active_loan(coldframe: Bench, mailbox: Mailbox) -> None:
    AdminFactory(email=ANN)
    loan = loan_that_expires_soon()
    assert run(coldframe, tasks.alert_about_active_loan, loan.pk) == ONE
    assert run(coldframe, tasks.check_active_loans) == {"checked": 1, "sent": 0, "skipped": 1, "failed": 0}
    assert len(mailbox.mails) == 1


def test_send_application_status_notification(coldframe: Bench, mailbox: Mailbox) -> None:
    application = ApplicationFactory(bd=None)
    assert run(coldframe, tasks.send_application_status_notification, application.pk, "approved") == ONE
    told = Notification.objects.get()
    assert (told.user, told.notification_type) == (application.broker.user, "application_status")
    assert "approved" in told.message


@pytest.mark.parametrize(
    ("task", "args", "detail"),
    [
        (tasks.send_application_status_notification, (4711, "approved"), "there is no application 4711"),
        (tasks.alert_about_active_loan, (4711,), "there is no loan 4711"),
    ],
)
def test_what_does_not_exist_is_said_and_not_tried_again(
    coldframe: Bench, mailbox: Mailbox, task: Any, args: tuple[Any, ...], detail: str
) -> None:
    assert run(coldframe, task, *args) == {"checked": 0, "sent": 0, "skipped": 1, "failed": 0, "detail": detail}
    coldframe.assert_ran(task, times=1)


def test_send_email_async(coldframe: Bench, mailbox: Mailbox) -> None:
    assert run(coldframe, tasks.send_email_async, "Hello", "How are you?", [ANN, BOSS]) == ONE
    assert [(mail.to, mail.subject, mail.body) for mail in mailbox.mails] == [
        (ANN, "Hello", "How are you?"),
        (BOSS, "Hello", "How are you?"),
    ]


@pytest.mark.parametrize(
    ("task", "choice"),
    [(tasks.send_daily_digest, "daily_digest"), (tasks.send_weekly_digest, "weekly_digest")],
)
def test_digests(coldframe: Bench, mailbox: Mailbox, task: Any, choice: str) -> None:
    news = NotificationFactory(title="Something new", user__email=ANN)
    NotificationPreference.objects.create(user=news.user, **{choice: True})
    coldframe.advance(days=7)
    if choice == "daily_digest":
        Notification.objects.update(created_at=now() - timedelta(days=1))
    assert run(coldframe, task)["sent"] == 1
    assert run(coldframe, task)["sent"] == 0
    (mail,) = mailbox.mails
    assert "Something new" in mail.body
