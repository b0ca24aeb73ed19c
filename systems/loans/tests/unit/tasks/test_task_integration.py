"""Tasks together with what sends them and what they change: services, ledger, preferences, the bell."""

from __future__ import annotations

from datetime import timedelta

import pytest
from coldframe import Bench
from django.db import transaction

from applications.models import Application, Stage
from applications.services import change_stage
from applications.tasks import (
    check_note_reminders,
    check_repayment_reminders,
    pick_up_missed_stage_changes,
    send_application_status_notification,
)
from core.clock import now, today
from core.enqueue import after_commit
from core.models import DeliveryLedger
from documents.models import Ledger
from documents.notes import add_note
from documents.payments import add_repayment, record_payment
from tests.mailbox import Mailbox
from users import push
from users.models import Notification, NotificationPreference, User

pytestmark = [
    pytest.mark.task,
    pytest.mark.django_db,
    pytest.mark.coldframe(start="2026-03-16T07:00+11:00"),
]


def test_a_change_of_stage_is_told_after_its_commit(
    coldframe: Bench, mailbox: Mailbox, application_instance: Application, admin_user: User
) -> None:
    pushed = push.pushes["sent"]
    with transaction.atomic():
        change = change_stage(application_instance, Stage.PRE_APPROVAL, admin_user)
        after_commit(send_application_status_notification, application_instance.pk, change.to_stage)
        coldframe.drain()
        coldframe.assert_not_queued(send_application_status_notification)
    coldframe.drain()
    assert Notification.objects.filter(notification_type="application_status").count() == 4
    assert [mail.to for mail in mailbox.mails] == ["house.broker@example.com"]
    assert push.pushes["sent"] - pushed == 8  # for each of four people: the news, and the count
    change.refresh_from_db()
    assert change.notified_at is not None


def test_a_change_that_is_told_is_not_picked_up(
    coldframe: Bench, mailbox: Mailbox, application_instance: Application, admin_user: User
) -> None:
    change = change_stage(application_instance, Stage.PRE_APPROVAL, admin_user)
    after_commit(send_application_status_notification, application_instance.pk, change.to_stage)
    coldframe.advance(hours=1)
    pick_up_missed_stage_changes.delay()
    coldframe.drain()
    coldframe.assert_ran(send_application_status_notification, times=1)


def test_an_instalment_that_is_added_reminded_and_paid(
    coldframe: Bench, mailbox: Mailbox, application_instance: Application, admin_user: User
) -> None:
    row = add_repayment(application_instance, 500, today() + timedelta(days=7), admin_user)
    check_repayment_reminders.delay()
    coldframe.advance(days=3)
    record_payment(row, today(), by=admin_user)
    coldframe.advance(days=20)
    check_repayment_reminders.delay()
    coldframe.drain()
    assert [(mail.to, mail.subject) for mail in mailbox.mails] == [
        ("borrower@example.com", "Upcoming Repayment Reminder")
    ]
    row.refresh_from_db()
    assert (row.status, row.reminder_sent) == ("paid", True)
    assert sorted(Ledger.objects.values_list("transaction_type", flat=True)) == [
        "repayment_received",
        "repayment_scheduled",
    ]
    told = Notification.objects.get(notification_type="repayment_upcoming")
    assert told.user.email == "borrower@example.com"


def test_a_note_that_is_added_is_reminded_of_at_its_minute(
    coldframe: Bench, mailbox: Mailbox, application_instance: Application, admin_user: User
) -> None:
    note = add_note(application_instance, "Ring them", "", now() + timedelta(minutes=20), admin_user)
    for _ in range(4):
        check_note_reminders.delay()
        coldframe.advance(minutes=15)
    assert [(mail.to, mail.on) for mail in mailbox.mails] == [("admin@example.com", "2026-03-16 07:30")]
    note.refresh_from_db()
    assert note.remind_sent_at == now() - timedelta(minutes=30)


def test_preferences_hold_for_every_task_but_not_for_what_the_contract_says(
    coldframe: Bench, mailbox: Mailbox, application_instance: Application, borrower_instance: object
) -> None:
    quiet = {
        f"{kind}_{channel}": False
        for kind in ("application_status", "repayment_upcoming", "repayment_overdue", "note_reminder")
        for channel in ("in_app", "email")
    }
    for user in User.objects.all():
        NotificationPreference.objects.update_or_create(user=user, defaults=quiet)
    add_repayment(application_instance, 500, today() + timedelta(days=7), None)
    add_note(application_instance, "Ring them", "", now(), User.objects.get(email="manager@example.com"))
    send_application_status_notification.delay(application_instance.pk, "approved")
    check_repayment_reminders.delay()
    check_note_reminders.delay()
    coldframe.drain()
    assert [mail.subject for mail in mailbox.mails] == ["Upcoming Repayment Reminder"]
    assert not Notification.objects.exists()


def test_the_ledger_tells_what_went_to_whom(
    coldframe: Bench, mailbox: Mailbox, application_instance: Application
) -> None:
    row = add_repayment(application_instance, 500, today() + timedelta(days=7), None)
    check_repayment_reminders.delay()
    coldframe.drain()
    delivery = DeliveryLedger.objects.get()
    assert str(delivery) == f"upcoming_7 of repayment:{row.pk} to borrower@example.com: sent"
    assert (delivery.task, delivery.period, delivery.attempts) == ("check_repayment_reminders", "2026-03-23", 1)
