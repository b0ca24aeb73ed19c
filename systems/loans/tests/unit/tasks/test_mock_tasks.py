"""Tests that patch names where they are used stay true: the names are looked up when a task runs."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from unittest.mock import MagicMock, patch

import pytest
import time_machine

from applications.models import Application
from applications.tasks import (
    check_note_reminders,
    check_repayment_reminders,
    check_stale_applications,
    send_application_status_notification,
    send_email,
    send_email_async,
    send_repayment_reminders,
)
from core.clock import today, zone
from core.models import EmailLog
from documents.models import Note, Repayment
from tests.factories import long_in_stage
from users.models import Notification

pytestmark = [pytest.mark.task, pytest.mark.django_db]


def test_send_email_can_be_patched(application_instance: Application) -> None:
    with patch("applications.tasks.send_email") as mock_send_email:
        send_application_status_notification(application_instance.id, "approved")
    mock_send_email.assert_called_once()
    notification = Notification.objects.get(
        user=application_instance.broker.user, notification_type="application_status"
    )
    assert "approved" in notification.message


def test_a_reminder_of_the_day_before(repayment_instance: Repayment) -> None:
    day_before = datetime.combine(repayment_instance.due_date - timedelta(days=1), time(8), tzinfo=zone())
    with time_machine.travel(day_before, tick=False), patch("applications.tasks.send_email") as mock_send_email:
        send_repayment_reminders()
    mock_send_email.assert_called_once()
    assert mock_send_email.call_args[1]["recipient_list"] == ["borrower@example.com"]


@patch("applications.tasks.send_mail")
def test_send_mail_is_called_by_name(mock_send_mail: MagicMock) -> None:
    send_email("Hello", "Hi.", ["ann@example.com"], html_message="<p>Hi.</p>")
    mock_send_mail.assert_called_once_with(
        subject="Hello",
        message="Hi.",
        from_email="Loans <loans@example.com>",
        recipient_list=["ann@example.com"],
        html_message="<p>Hi.</p>",
    )


@patch("applications.tasks.send_mail", side_effect=Exception("SMTP error"))
def test_a_mail_that_fails_does_not_end_the_sweep_and_marks_nothing(
    mock_send_mail: MagicMock, overdue_repayment_3_days: Repayment, note_with_reminder: Note
) -> None:
    long_in_stage(20)
    assert check_stale_applications()["failed"] == 1
    assert check_note_reminders()["failed"] == 1
    assert check_repayment_reminders()["failed"] == 1
    assert mock_send_mail.call_count == 3
    overdue_repayment_3_days.refresh_from_db()
    note_with_reminder.refresh_from_db()
    assert (overdue_repayment_3_days.overdue_3_day_sent, note_with_reminder.remind_sent_at) == (False, None)


def test_a_second_of_three_fails_and_all_are_tried() -> None:
    for _ in range(3):
        long_in_stage(20)
    with patch("applications.tasks.send_mail", side_effect=[1, Exception("refused"), 1]) as mock_send_mail:
        assert check_stale_applications() == {"checked": 3, "sent": 2, "skipped": 0, "failed": 1}
    assert mock_send_mail.call_count == 3


def test_a_mail_server_that_takes_nothing_is_not_believed(repayment_instance: Repayment) -> None:
    with patch("applications.tasks.send_mail", return_value=0):
        assert check_repayment_reminders()["failed"] == 1
    repayment_instance.refresh_from_db()
    assert not repayment_instance.reminder_sent


def test_an_e_mail_of_one_s_own() -> None:
    with patch("applications.tasks.send_email") as mock_send_email:
        send_email_async("Hello", "Hi.", ["ann@example.com"])
    assert mock_send_email.call_args[1]["subject"] == "Hello"
    assert EmailLog.objects.get().status == "sent"


def test_a_task_can_be_patched_where_it_is_sent(repayment_instance: Repayment) -> None:
    with patch("applications.tasks.check_repayment_reminders.delay") as mock_delay:
        check_repayment_reminders.delay()
    mock_delay.assert_called_once_with()
    assert repayment_instance.due_date == today() + timedelta(days=7)
