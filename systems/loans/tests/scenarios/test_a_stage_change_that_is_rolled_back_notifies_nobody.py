"""Who is told about a stage is told about one that is so; and of one that is so, everybody is told once."""

from __future__ import annotations

import pytest
from coldframe import Bench
from django.db import transaction

from applications.models import Application, Stage, StageChange
from applications.services import change_stage
from applications.tasks import send_application_status_notification
from core.enqueue import after_commit
from tests.mailbox import Mailbox
from users.models import Notification, User

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.task,
    pytest.mark.coldframe(beat=["pick-up-missed-stage-changes"], start="2026-03-02T09:00+11:00", undrained="allow"),
]


def move(application: Application, by: User) -> None:
    """What the endpoint does."""
    change = change_stage(application, Stage.PRE_APPROVAL, by)
    after_commit(send_application_status_notification, application.pk, change.to_stage)


def test_a_rolled_back_change_is_told_to_nobody(
    coldframe: Bench, application_instance: Application, admin_user: User, mailbox: Mailbox
) -> None:
    with pytest.raises(ValueError, match="power cut"), transaction.atomic():
        move(application_instance, admin_user)
        raise ValueError("power cut")
    coldframe.advance(days=1)
    assert (mailbox.mails, Notification.objects.count(), StageChange.objects.count()) == ([], 0, 0)


def test_a_committed_change_is_told_to_everybody_once(
    coldframe: Bench, application_instance: Application, admin_user: User, mailbox: Mailbox
) -> None:
    move(application_instance, admin_user)
    coldframe.advance(days=1)
    assert [mail.to for mail in mailbox.mails] == ["house.broker@example.com"]  # the only one who wants mail about it
    told = Notification.objects.filter(notification_type="application_status").values_list("user__email", flat=True)
    assert sorted(told) == [
        "admin@example.com",
        "borrower@example.com",
        "house.broker@example.com",
        "manager@example.com",
    ]


def test_a_message_that_was_lost_is_found_again(
    coldframe: Bench, application_instance: Application, admin_user: User, mailbox: Mailbox
) -> None:
    """The broker was down when the change was committed: nothing was sent, but the change knows that."""
    change_stage(application_instance, Stage.PRE_APPROVAL, admin_user)
    coldframe.advance(minutes=30)
    assert [mail.to for mail in mailbox.mails] == ["house.broker@example.com"]
    coldframe.advance(days=1)
    assert len(mailbox.mails) == 1


def test_a_mail_server_that_is_down_delays_the_mail_and_loses_nothing(
    coldframe: Bench, application_instance: Application, admin_user: User, mailbox: Mailbox
) -> None:
    mailbox.down = True
    move(application_instance, admin_user)
    coldframe.advance(minutes=1)
    assert Notification.objects.filter(notification_type="application_status").count() == 4
    mailbox.down = False
    coldframe.advance(hours=1)
    assert [mail.to for mail in mailbox.mails] == ["house.broker@example.com"]
    assert Notification.objects.filter(notification_type="application_status").count() == 4
