"""Each task is a function, too: called directly, by position or by name, it does its work and gives its result."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from coldframe import Bench
from coldframe.testing import perform

from applications import tasks
from applications.models import ActiveLoan, Application
from core.clock import now, today
from core.models import EmailLog
from documents.models import Repayment
from tests.factories import AdminFactory, ApplicationFactory, NoteFactory, RepaymentFactory, UserFactory, long_in_stage
from tests.mailbox import Mailbox
from users.models import Notification

pytestmark = [pytest.mark.task, pytest.mark.django_db]

ONE = {"checked": 1, "sent": 1, "skipped": 0, "failed": 0}
NONE = {"checked": 0, "sent": 0, "skipped": 0, "failed": 0}


@pytest.mark.parametrize(
    "task",
    [
        tasks.check_repayment_reminders,
        tasks.send_repayment_reminders,
        tasks.check_stale_applications,
        tasks.check_stagnant_applications,
        tasks.check_note_reminders,
        tasks.check_active_loans,
        tasks.pick_up_missed_stage_changes,
        tasks.send_daily_digest,
        tasks.send_weekly_digest,
    ],
)
def test_on_an_empty_database_there_is_nothing_to_do(mailbox: Mailbox, task: Callable[[], Any]) -> None:
    assert task() == NONE
    assert mailbox.mails == []


def test_a_stale_application(mailbox: Mailbox) -> None:
    long_in_stage(20)
    assert tasks.check_stale_applications() == ONE
    assert tasks.check_stagnant_applications() == ONE


def test_a_note(mailbox: Mailbox) -> None:
    NoteFactory(remind_date=now() - timedelta(minutes=1), application=None, created_by=UserFactory())
    assert tasks.check_note_reminders.run() == ONE


@pytest.mark.filterwarnings("ignore:DateTimeField Note.remind_date received a naive datetime")
def test_a_note_for_a_plain_day(mailbox: Mailbox) -> None:
    NoteFactory(remind_date=today(), application=None, created_by=UserFactory())
    assert tasks.check_note_reminders() == ONE


def test_a_repayment(mailbox: Mailbox, repayment_instance: Repayment) -> None:
    assert tasks.check_repayment_reminders.apply().get() == ONE
    assert tasks.check_repayment_reminders() == NONE


def test_the_other_name_of_the_repayment_sweep(mailbox: Mailbox, repayment_instance: Repayment) -> None:
    assert tasks.send_repayment_reminders() == ONE
    assert tasks.check_repayment_reminders() == NONE


def test_a_status(mailbox: Mailbox, application_instance: Application) -> None:
    assert tasks.send_application_status_notification(application_instance.id, "approved") == ONE
    told = Notification.objects.get(user=application_instance.broker.user)
    assert "approved" in told.message
    unknown = tasks.send_application_status_notification(application_id=4711, status="approved")
    assert unknown["detail"] == "there is no application 4711"


def test_a_loan(mailbox: Mailbox) -> None:
    AdminFactory()
    loan = ActiveLoan.objects.create(
        application=ApplicationFactory(), settlement_date=today(), loan_expiry_date=today() + timedelta(days=30)
    )
    assert tasks.alert_about_active_loan(loan.pk) == ONE
    assert tasks.alert_about_active_loan(4711)["detail"] == "there is no loan 4711"


def test_an_e_mail_by_position(mailbox: Mailbox) -> None:
    user = UserFactory()
    args = ("Hello", "Hi.", ["ann@example.com"], "<p>Hi.</p>", "office@example.com", user.pk, None, "welcome")
    assert tasks.send_email_async(*args) == ONE
    assert tasks.send_email_async(*args) == ONE  # another call is another e-mail
    log = EmailLog.objects.first()
    assert (log.user, log.email_type, log.status, log.recipients) == (user, "welcome", "sent", ["ann@example.com"])
    assert EmailLog.objects.count() == len(mailbox.mails) == 2


def test_single_rows_that_fail_do_not_raise(mailbox: Mailbox) -> None:
    long_in_stage(20)
    mailbox.down = True
    assert tasks.check_stale_applications() == {"checked": 1, "sent": 0, "skipped": 0, "failed": 1}
    mailbox.down = False
    assert tasks.check_stale_applications() == ONE


def test_through_a_message_it_comes_to_the_same(
    coldframe: Bench, mailbox: Mailbox, repayment_instance: Repayment
) -> None:
    assert perform(tasks.check_repayment_reminders) == ONE
    RepaymentFactory(application=repayment_instance.application, due_date=today())
    assert perform(tasks.check_repayment_reminders) == ONE
