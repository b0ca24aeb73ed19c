"""Reminders go out once, each by itself; what cannot be sent is given up, and its writer hears of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from smtplib import SMTPRecipientsRefused
from typing import Any

import pytest
import time_machine
from celery.exceptions import SoftTimeLimitExceeded
from django.core import mail
from django.db import OperationalError

from core.clock import now
from core.deliveries import Status
from core.models import DeliveryLedger
from core.sweeps import MailServerDown, Outcome, TimeUp
from reminders.models import Reminder
from reminders.sending import send_due
from reminders.tasks import send_email
from tests.factories import BDUserFactory, UserFactory
from users.models import Notification

pytestmark = [pytest.mark.unit, pytest.mark.django_db]


def due(address: str = "ann@example.com", **values: Any) -> Reminder:
    """A reminder whose time came ten minutes ago."""
    plain = {"subject": "Hello", "email_body": "Hi.", "send_datetime": now() - timedelta(minutes=10)}
    return Reminder.objects.create(recipient_email=address, **{**plain, **values})


def failing(**troubles: Exception | Callable[[], object]) -> Callable[..., int]:
    """A sender that has trouble with some names, and sends to the others."""

    def send(**message: Any) -> int:
        trouble = troubles.get(message["recipient_list"][0].partition("@")[0])
        if isinstance(trouble, Exception):
            raise trouble
        return send_email(**message)

    return send


BAD = SMTPRecipientsRefused({"bad@example.com": (550, b"no such mailbox")})
DOWN = ConnectionRefusedError("nobody there")


def again(reminder: Reminder) -> Reminder:
    reminder.refresh_from_db()
    return reminder


def test_what_is_due_goes_out_once() -> None:
    reminder = due()
    due("later@example.com", send_datetime=now() + timedelta(minutes=1))
    assert send_due(send_email) == Outcome(checked=1, sent=1)
    assert send_due(send_email) == Outcome()
    (message,) = mail.outbox
    assert (message.to, message.subject, message.body) == (["ann@example.com"], "Hello", "Hi.")
    again(reminder)
    assert (reminder.is_sent, reminder.status, reminder.attempts, reminder.error_message) == (True, "sent", 1, "")
    assert reminder.sent_at is not None


def test_a_missed_hour_is_only_late() -> None:
    due(send_datetime=now() - timedelta(days=30))
    assert send_due(send_email) == Outcome(checked=1, sent=1)


@pytest.mark.parametrize(
    ("first_name", "last_name", "expected"),
    [
        ("Max", "Manager", "Max Manager <loans@example.com>"),
        ("Chloé", "Martin", "=?utf-8?q?Chlo=C3=A9_Martin?= <loans@example.com>"),
        ("Max\r\nBcc: x@example.com", "M", '"Max Bcc: x@example.com M" <loans@example.com>'),
    ],
)
def test_it_comes_under_the_name_of_whom_it_is_for(first_name: str, last_name: str, expected: str) -> None:
    due(send_as_user=BDUserFactory(first_name=first_name, last_name=last_name))
    send_due(send_email)
    assert mail.outbox[0].message()["From"] == expected


def test_without_a_name_it_comes_from_the_house_and_answers_go_there() -> None:
    due()
    send_due(send_email)
    assert mail.outbox[0].from_email == "Loans <loans@example.com>"
    assert mail.outbox[0].reply_to == []


def test_answers_go_to_whom_it_says() -> None:
    due(reply_to_user=BDUserFactory(email="manager@example.com"))
    send_due(send_email)
    assert mail.outbox[0].message()["Reply-To"] == "manager@example.com"


@pytest.mark.parametrize(("is_active", "expected"), [(True, "new@example.com"), (False, "ann@example.com")])
def test_a_login_gets_it_at_its_address_of_today(*, is_active: bool, expected: str) -> None:
    user = UserFactory(email="ann@example.com")
    due(recipient_user=user)
    type(user).objects.update(email="new@example.com", is_active=is_active)
    send_due(send_email)
    assert mail.outbox[0].to == [expected]


def test_a_bad_address_blocks_nobody() -> None:
    due("a@example.com")
    bad = due("bad@example.com")
    due("z@example.com")
    assert send_due(failing(bad=BAD)) == Outcome(checked=3, sent=2, failed=1)
    assert (again(bad).status, bad.attempts) == ("failing", 1)
    assert bad.error_message.startswith("SMTPRecipientsRefused")


def test_a_message_that_nobody_accepts_is_a_failure() -> None:
    reminder = due()
    assert send_due(lambda **_: 0) == Outcome(checked=1, failed=1)
    assert "did not accept the message to ann@example.com" in again(reminder).error_message


def test_after_five_attempts_it_is_given_up_and_its_writer_is_told() -> None:
    writer = BDUserFactory()
    bad = due("bad@example.com", created_by=writer)
    for attempt in range(1, 6):
        with time_machine.travel(now() + timedelta(hours=attempt), tick=False):
            assert send_due(failing(bad=BAD)) == Outcome(checked=1, failed=1)
    assert send_due(send_email) == Outcome()
    assert (again(bad).status, bad.attempts) == ("given_up", 5)
    (told,) = Notification.objects.filter(user=writer)
    assert (told.notification_type, told.related_object_id, told.related_object_type) == ("system", bad.pk, "reminder")
    assert "bad@example.com: It was given up. SMTPRecipientsRefused" in told.message


def test_one_without_a_writer_is_given_up_quietly() -> None:
    bad = due("bad@example.com", attempts=4)
    send_due(failing(bad=BAD))
    assert again(bad).given_up
    assert Notification.objects.count() == 0


def test_a_server_that_is_down_uses_up_no_attempts() -> None:
    reminder = due("down@example.com")
    for hour in range(24):
        with time_machine.travel(now() + timedelta(hours=hour), tick=False):
            outcome = send_due(failing(down=DOWN))
            assert (outcome, outcome.try_again) == (Outcome(checked=1, failed=1), True)
    assert (again(reminder).status, reminder.attempts) == ("failing", 0)
    assert send_due(send_email) == Outcome()  # failed in the future, as this test has it
    with time_machine.travel(now() + timedelta(hours=30), tick=False):
        assert send_due(send_email) == Outcome(checked=1, sent=1)


def test_what_cannot_be_sent_for_a_week_is_given_up() -> None:
    reminder = due("down@example.com", send_datetime=now() - timedelta(days=7), created_by=BDUserFactory())
    send_due(failing(down=DOWN))
    assert again(reminder).status == "given_up"
    assert "nobody there" in Notification.objects.get().message


def test_what_failed_before_comes_last() -> None:
    stuck = [due(f"down@{number}.example.com") for number in range(5)]
    with pytest.raises(MailServerDown, match="3 times in a row"):
        send_due(failing(down=DOWN))
    for reminder in stuck[3:]:
        reminder.delete()
    with time_machine.travel(now() + timedelta(hours=1), tick=False):
        due("fresh@example.com")
        with pytest.raises(MailServerDown, match="3 times in a row"):
            send_due(failing(down=DOWN))
    assert [message.to for message in mail.outbox] == [["fresh@example.com"]]


def test_a_database_that_fails_ends_the_run_and_is_nobody_s_attempt() -> None:
    reminder = due()
    with pytest.raises(OperationalError, match="gone"):
        send_due(failing(ann=OperationalError("gone")))
    assert again(reminder).attempts == 0


def test_a_run_whose_time_is_up_stops() -> None:
    due()
    with pytest.raises(TimeUp, match="goes on from there"):
        send_due(send_email, until=0.0)
    assert mail.outbox == []


def test_what_is_put_off_or_taken_back_during_the_run_stays_here() -> None:
    due("first@example.com")
    put_off, taken_back = due("second@example.com"), due("third@example.com")

    def change(**message: Any) -> int:
        Reminder.objects.filter(pk=put_off.pk).update(send_datetime=now() + timedelta(days=1))
        Reminder.objects.filter(pk=taken_back.pk).delete()
        return send_email(**message)

    assert send_due(change) == Outcome(checked=3, sent=1, skipped=2)
    assert len(mail.outbox) == 1


def test_the_text_is_that_of_the_moment_at_which_it_leaves() -> None:
    due("first@example.com")
    second = due("second@example.com")

    def correct(**message: Any) -> int:
        Reminder.objects.filter(pk=second.pk).update(email_body="Corrected.")
        return send_email(**message)

    send_due(correct)
    assert [message.body for message in mail.outbox] == ["Hi.", "Corrected."]


def test_another_worker_that_has_it_is_left_alone() -> None:
    reminder = due()
    outcomes = []

    def meanwhile(**message: Any) -> int:
        outcomes.append(send_due(send_email))
        return send_email(**message)

    assert send_due(meanwhile) == Outcome(checked=1, sent=1)
    assert outcomes == [Outcome(checked=1, skipped=1)]
    assert (len(mail.outbox), again(reminder).attempts) == (1, 1)


def test_what_was_sent_and_not_noted_is_noted() -> None:
    reminder = due()
    send_due(send_email)
    Reminder.objects.update(is_sent=False, sent_at=None)
    assert send_due(send_email) == Outcome(checked=1, skipped=1)
    assert again(reminder).is_sent
    assert len(mail.outbox) == 1


def test_what_a_worker_has_just_begun_is_nobody_s_business() -> None:
    reminder = due(created_by=BDUserFactory())
    with pytest.raises(SoftTimeLimitExceeded, match="stopped"):
        send_due(failing(ann=SoftTimeLimitExceeded("stopped")))
    assert send_due(send_email) == Outcome(checked=1, skipped=1)
    assert again(reminder).status == "waiting"
    assert Notification.objects.count() == 0


def test_what_is_in_doubt_is_not_sent_again_and_its_writer_hears_of_it_once() -> None:
    reminder = due(created_by=BDUserFactory())
    with pytest.raises(SoftTimeLimitExceeded, match="stopped"):
        send_due(failing(ann=SoftTimeLimitExceeded("stopped")))
    assert DeliveryLedger.objects.get().status == Status.CLAIMED
    for hours in (2, 3, 4):
        with time_machine.travel(now() + timedelta(hours=hours), tick=False):
            assert send_due(send_email) == Outcome(checked=1, skipped=1)
    assert again(reminder).status == "failing"
    assert "nobody knows whether it arrived" in Notification.objects.get().message
    assert mail.outbox == []


def test_statements_are_one_batch_and_few_for_each_mail(django_assert_max_num_queries: Any) -> None:
    for number in range(50):
        due(f"{number}@example.com")
    with django_assert_max_num_queries(10 + 4 * 50):
        assert send_due(send_email) == Outcome(checked=50, sent=50)
