"""The sweeps with nothing patched: real rows, Django's own mailbox, and a clock that stands where the test puts it."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.core import mail

from applications.tasks import check_note_reminders, check_repayment_reminders, check_stale_applications
from documents.models import Repayment
from tests.factories import ApplicationFactory, NoteFactory, UserFactory

pytestmark = [pytest.mark.task, pytest.mark.django_db]

NOON = "2026-03-16T01:00:00Z"  # in Sydney


def subjects() -> list[str]:
    return [message.subject for message in mail.outbox]


def test_fourteen_days_are_fourteen_days() -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        ApplicationFactory()
        clock.shift(timedelta(days=14, seconds=-1))
        check_stale_applications()
        assert subjects() == []
        clock.shift(timedelta(seconds=1))
        check_stale_applications()
        assert len(subjects()) == 1


def test_saving_an_application_does_not_hide_it() -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        application = ApplicationFactory()
        clock.shift(timedelta(days=14))
        application.save()  # `updated_at` is now; the stage is not
        check_stale_applications()
    assert subjects() == [f"Stale Application Alert: {application.reference_number}"]


def test_a_note_of_tomorrow_waits_for_tomorrow() -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        note = NoteFactory(created_by=UserFactory(), application=None)
        note.remind_date = note.created_at + timedelta(days=1)
        note.save()
        check_note_reminders()
        assert subjects() == []
        clock.shift(timedelta(days=1))
        check_note_reminders()
        check_note_reminders()
    assert subjects() == [f"Note Reminder: {note.title}"]


def test_a_repayment_s_story(application_instance: object) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        row = Repayment.objects.create(application=application_instance, amount=500, due_date="2026-03-23")
        for _ in range(30):
            check_repayment_reminders()
            clock.shift(timedelta(days=1))
    assert [(message.to, message.subject) for message in mail.outbox] == [
        (["borrower@example.com"], "Upcoming Repayment Reminder"),
        (["borrower@example.com"], "OVERDUE Repayment Notice"),
        (["borrower@example.com"], "URGENT: 7 Days OVERDUE Repayment"),
        (["manager@example.com"], "ESCALATION: 10 Days Overdue Repayment"),
    ]
    row.refresh_from_db()
    assert [row.reminder_sent, row.overdue_3_day_sent, row.overdue_7_day_sent, row.overdue_10_day_sent] == [True] * 4


def test_a_payment_ends_it(application_instance: object) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        row = Repayment.objects.create(application=application_instance, amount=500, due_date="2026-03-16")
        clock.shift(timedelta(days=4))
        check_repayment_reminders()
        Repayment.objects.filter(pk=row.pk).update(paid_date="2026-03-20")
        clock.shift(timedelta(days=10))
        check_repayment_reminders()
    assert subjects() == ["OVERDUE Repayment Notice"]
