"""The sweeps called as functions, with `send_mail` patched where it is used: as many projects test them."""

from __future__ import annotations

from datetime import timedelta
from unittest.mock import patch

import pytest

from applications.models import Application
from applications.tasks import check_note_reminders, check_repayment_reminders, check_stale_applications
from core.clock import now, today
from documents.models import Note, Repayment
from tests.factories import ApplicationFactory, BDMFactory

pytestmark = [pytest.mark.task, pytest.mark.django_db]


def test_a_stale_application_is_one_mail_to_its_manager() -> None:
    application = ApplicationFactory(stage="assessment", bd=BDMFactory(user__email="boss@example.com"))
    old = now() - timedelta(days=15)
    Application.objects.filter(id=application.id).update(created_at=old, updated_at=old)
    with patch("applications.tasks.send_mail") as send_mail:
        check_stale_applications()
    send_mail.assert_called_once()
    sent = send_mail.call_args[1]
    assert f"Stale Application Alert: {application.reference_number}" in sent["subject"]
    assert application.reference_number in sent["message"]
    assert sent["recipient_list"] == ["boss@example.com"]


def test_a_note_of_today_is_one_mail_to_its_author(note_with_reminder: Note) -> None:
    with patch("applications.tasks.send_mail") as send_mail:
        check_note_reminders()
    send_mail.assert_called_once()
    sent = send_mail.call_args[1]
    assert sent["subject"] == "Note Reminder: Test Note with Reminder"
    assert "This is a test note with a reminder" in sent["message"]
    assert sent["recipient_list"] == ["admin@example.com"]


@pytest.mark.parametrize(
    ("days_late", "subject", "flag"),
    [
        (-7, "Upcoming Repayment Reminder", "reminder_sent"),
        (3, "OVERDUE Repayment Notice", "overdue_3_day_sent"),
        (7, "URGENT: 7 Days OVERDUE Repayment", "overdue_7_day_sent"),
    ],
)
def test_a_repayment_is_one_mail_to_its_borrower(
    repayment_instance: Repayment, days_late: int, subject: str, flag: str
) -> None:
    Repayment.objects.update(due_date=today() - timedelta(days=days_late))
    with patch("applications.tasks.send_mail") as send_mail:
        check_repayment_reminders()
    send_mail.assert_called_once()
    sent = send_mail.call_args[1]
    assert sent["subject"] == subject
    assert str(10000) in sent["message"]
    assert sent["recipient_list"] == ["borrower@example.com"]
    repayment_instance.refresh_from_db()
    assert getattr(repayment_instance, flag) is True


def test_after_ten_days_it_is_one_mail_to_the_manager(overdue_repayment_10_days: Repayment) -> None:
    with patch("applications.tasks.send_mail") as send_mail:
        check_repayment_reminders()
    send_mail.assert_called_once()
    assert send_mail.call_args[1]["subject"] == "ESCALATION: 10 Days Overdue Repayment"
    assert send_mail.call_args[1]["recipient_list"] == ["manager@example.com"]


def test_no_reminder_comes_twice(repayment_instance: Repayment) -> None:
    with patch("applications.tasks.send_mail") as send_mail:
        check_repayment_reminders()
        check_repayment_reminders()
    send_mail.assert_called_once()
