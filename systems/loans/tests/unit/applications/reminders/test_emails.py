"""One e-mail: logged before it leaves, sent once, tried again only if nobody accepted it."""

from __future__ import annotations

import smtplib
from dataclasses import replace

import pytest
from celery.exceptions import SoftTimeLimitExceeded
from django.db import OperationalError, connection

from applications.reminders.emails import Request, send_logged
from core.deliveries import NotAccepted
from core.models import EmailLog
from core.sweeps import Outcome
from tests.factories import NotificationFactory, UserFactory

pytestmark = [pytest.mark.unit, pytest.mark.django_db]

REQUEST = Request("key-1", "Hello", "How are you?", ["ann@example.com", "ben@example.com"])


def accepted() -> int:
    return 1


def refused() -> int:
    raise smtplib.SMTPDataError(554, b"spam")


def log() -> tuple[str, int, str]:
    row = EmailLog.objects.get()
    return row.status, row.attempts, row.error


def test_it_is_sent_once_and_everything_about_it_is_logged() -> None:
    notification = NotificationFactory()
    request = replace(
        REQUEST, user_id=notification.user_id, notification_id=notification.pk, email_type="welcome", subject="H" * 300
    )
    assert send_logged(request, accepted) == Outcome(checked=1, sent=1)
    assert send_logged(request, refused) == Outcome(checked=1, skipped=1)
    row = EmailLog.objects.get()
    assert (row.message_key, row.user, row.notification) == ("key-1", notification.user, notification)
    assert (row.subject, row.body, row.recipients) == ("H" * 255, "How are you?", REQUEST.recipients)
    assert (row.email_type, row.status, row.attempts, row.error) == ("welcome", "sent", 1, "")
    assert row.sent_at is not None


def test_another_key_is_another_e_mail() -> None:
    send_logged(REQUEST, accepted)
    assert send_logged(replace(REQUEST, key="key-2"), accepted).sent == 1


def test_what_is_refused_can_be_tried_again() -> None:
    with pytest.raises(smtplib.SMTPDataError, match="spam"):
        send_logged(REQUEST, refused)
    assert log() == ("failed", 1, "SMTPDataError: (554, b'spam')")
    assert send_logged(REQUEST, accepted).sent == 1
    assert log() == ("sent", 2, "")


def test_what_is_accepted_for_nobody_is_refused() -> None:
    with pytest.raises(NotAccepted, match=r"to ann@example\.com, ben@example\.com"):
        send_logged(REQUEST, lambda: 0)
    assert log()[0] == "failed"


def test_a_message_that_comes_again_while_it_is_sent_is_left_alone() -> None:
    seen: list[Outcome] = []

    def send() -> int:
        seen.append(send_logged(REQUEST, accepted))
        return 1

    assert send_logged(REQUEST, send).sent == 1
    assert seen == [Outcome(checked=1, skipped=1)]


def test_a_worker_that_is_stopped_while_it_sends_does_not_send_again() -> None:
    def stopped() -> int:
        raise SoftTimeLimitExceeded("too long")

    with pytest.raises(SoftTimeLimitExceeded, match="too long"):
        send_logged(REQUEST, stopped)
    assert log()[0] == "sending"
    assert send_logged(REQUEST, accepted) == Outcome(checked=1, skipped=1)


@pytest.mark.django_db(transaction=True)
def test_a_log_that_cannot_be_written_does_not_send_again(caplog: pytest.LogCaptureFixture) -> None:
    def broken(execute, sql, params, many, context):
        if 'SET "status" = ' in sql and "sent" in params:
            raise OperationalError("disk full")
        return execute(sql, params, many, context)

    with connection.execute_wrapper(broken):
        assert send_logged(REQUEST, accepted) == Outcome(checked=1, sent=1)
    assert caplog.messages == ["e-mail key-1 was sent, but the log could not be written"]
    assert log()[0] == "sending"
    assert send_logged(REQUEST, accepted) == Outcome(checked=1, skipped=1)


@pytest.mark.parametrize("user_id", [None, 0, 4711])
def test_an_unknown_user_or_notification_does_not_stop_it(user_id: int | None) -> None:
    assert send_logged(replace(REQUEST, user_id=user_id, notification_id=user_id), accepted).sent == 1
    row = EmailLog.objects.get()
    assert (row.user, row.notification) == (None, None)


def test_who_asked_may_be_known_without_a_notification() -> None:
    user = UserFactory()
    send_logged(replace(REQUEST, user_id=user.pk), accepted)
    assert EmailLog.objects.get().user == user
