"""The bell tells of an application that does not move, on its own and independently of the mail about it."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine

from applications.reminders.stagnant import show_stagnant_applications
from applications.reminders.stale import report_stale_applications
from core.mailing import Sender
from core.models import DeliveryLedger
from core.sweeps import Outcome
from tests.factories import AdminFactory, BDMFactory, long_in_stage
from tests.mailbox import Mailbox
from users.models import Notification, NotificationPreference

pytestmark = [pytest.mark.unit, pytest.mark.django_db]


def test_the_manager_is_told_once_a_week(send: Sender, mailbox: Mailbox, clock: time_machine.Coordinates) -> None:
    application = long_in_stage(14)
    results = []
    for _ in range(8):
        results += [show_stagnant_applications(send), show_stagnant_applications(send)]
        clock.shift(timedelta(days=1))
    assert sum(one.sent for one in results) == 2
    assert [one for one in results if not one.sent] == [Outcome(checked=1, skipped=1)] * 14
    told = list(Notification.objects.all())
    assert [(row.user, row.notification_type) for row in told] == [(application.bd.user, "system")] * 2
    assert told[0].title == f"Application {application.reference_number} does not move"
    assert "Stage: Inquiry\nSince: 2026-03-02 07:00\n" in told[0].message
    assert (told[0].related_object_type, told[0].related_object_id) == ("application", application.pk)
    assert (mailbox.mails, DeliveryLedger.objects.count()) == ([], 0)


def test_it_does_not_depend_on_the_mail(send: Sender, mailbox: Mailbox) -> None:
    long_in_stage(15)
    assert report_stale_applications(send).sent == 1
    assert show_stagnant_applications(send).sent == 1
    assert (len(mailbox.mails), Notification.objects.count()) == (1, 1)


@pytest.mark.parametrize("login", [{"user": None}, {"user__is_active": False}])
def test_administrators_stand_in_for_a_manager_without_a_login(send: Sender, login: dict[str, object]) -> None:
    first, second = AdminFactory(), AdminFactory()
    long_in_stage(15, bd=BDMFactory(**login))
    assert show_stagnant_applications(send) == Outcome(checked=1, skipped=1)
    assert [row.user for row in Notification.objects.order_by("pk")] == [first, second]


def test_who_wants_nothing_of_the_kind_is_not_told(send: Sender) -> None:
    application = long_in_stage(15)
    NotificationPreference.objects.create(user=application.bd.user, system_in_app=False)
    assert show_stagnant_applications(send) == Outcome(checked=1, skipped=1)
    assert not Notification.objects.exists()


def test_what_moved_lately_is_not_mentioned(send: Sender) -> None:
    long_in_stage(13)
    assert show_stagnant_applications(send) == Outcome()
