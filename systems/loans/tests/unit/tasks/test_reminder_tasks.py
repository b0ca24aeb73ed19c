"""`reminders.tasks.check_due_reminders` on the bench: once an hour, each reminder once, and tried again."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from datetime import timedelta
from email.message import Message
from typing import Any
from unittest.mock import patch

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Message as Handler
from coldframe import Bench
from django.db import OperationalError

from core.clock import now
from core.models import DeliveryLedger
from crm_backend.celery import app
from reminders import sending
from reminders.models import Reminder
from reminders.tasks import check_due_reminders
from tests import mailbox as server
from tests.factories import BDUserFactory
from users.models import Notification

pytestmark = [pytest.mark.task, pytest.mark.django_db]


def remind(address: str = "ann@example.com", **values: Any) -> Reminder:
    plain = {"subject": "Hello", "email_body": "Hi.", "send_datetime": now()}
    return Reminder.objects.create(recipient_email=address, **{**plain, **values})


@pytest.fixture
def mailbox(settings: Any) -> server.Mailbox:
    settings.EMAIL_BACKEND = server.BACKEND
    return server.fresh()


@pytest.fixture
def smtp(settings: Any) -> Iterator[tuple[str, list[Message]]]:
    """A real mail server in this process: where it listens, and what it accepted."""
    accepted: list[Message] = []

    class Keep(Handler):
        def handle_message(self, message: Message) -> None:
            accepted.append(message)

    with socket.create_server(("127.0.0.1", 0)) as free:
        host, port = free.getsockname()
    controller = Controller(Keep(), hostname=host, port=port)
    controller.start()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = host, port
    yield f"{host}:{port}", accepted
    controller.stop()


def test_its_result_says_what_it_did(coldframe: Bench, mailbox: server.Mailbox) -> None:
    mailbox.refused = {"bad@example.com"}
    for address in ("ann@example.com", "bad@example.com", "bob@example.com"):
        remind(address)
    result = check_due_reminders.delay()
    assert result.get() == {"checked": 3, "sent": 2, "skipped": 0, "failed": 1}
    assert [mail.to for mail in mailbox.mails] == ["ann@example.com", "bob@example.com"]


def test_it_can_be_called_like_a_function(mailbox: server.Mailbox) -> None:
    remind()
    assert check_due_reminders() == {"checked": 1, "sent": 1, "skipped": 0, "failed": 0}


def test_it_sends_through_the_name_in_its_module() -> None:
    remind()
    with patch("reminders.tasks.send_email") as send:
        check_due_reminders()
    send.assert_called_once()
    assert send.call_args[1]["subject"] == "Hello"
    assert send.call_args[1]["recipient_list"] == ["ann@example.com"]
    assert Reminder.objects.get().is_sent


def test_a_real_mail_server_gets_it_with_all_its_headers(smtp: tuple[str, list[Message]]) -> None:
    address, accepted = smtp
    with Bench(app, allow=[address]):
        remind(
            send_as_user=BDUserFactory(first_name="Chloé", last_name="Martin"),
            reply_to_user=BDUserFactory(email="max@example.com"),
            subject="Grüße",
        )
        assert check_due_reminders.delay().get()["sent"] == 1
    (mail,) = accepted
    assert (mail["X-RcptTo"], mail["Reply-To"]) == ("ann@example.com", "max@example.com")
    assert (mail["From"], mail["Subject"]) == (
        "=?utf-8?q?Chlo=C3=A9_Martin?= <loans@example.com>",
        "=?utf-8?b?R3LDvMOfZQ==?=",
    )


@pytest.mark.coldframe(beat=True, start="2026-03-10T08:00+11:00", undrained="allow")
def test_it_runs_each_hour_and_sends_at_the_first_run_after_the_moment(
    coldframe: Bench, mailbox: server.Mailbox
) -> None:
    remind(send_datetime=now() + timedelta(hours=2, minutes=30))
    coldframe.advance(hours=24)
    coldframe.assert_ran(check_due_reminders, times=24, state="SUCCESS")
    assert [mail.on for mail in mailbox.mails] == ["2026-03-10 11:05"]


def test_a_server_that_is_down_is_asked_again_within_minutes(coldframe: Bench, mailbox: server.Mailbox) -> None:
    mailbox.down = True
    remind()
    result = check_due_reminders.delay()
    coldframe.settle()
    mailbox.down = False
    assert result.get() == {"checked": 1, "sent": 1, "skipped": 0, "failed": 0}
    assert [run.state for run in coldframe.runs(check_due_reminders)] == ["RETRY", "SUCCESS"]
    assert Reminder.objects.get().attempts == 1


def test_a_server_that_stays_down_is_asked_four_times(coldframe: Bench, mailbox: server.Mailbox) -> None:
    mailbox.down = True
    coldframe.expect_failure()
    for number in range(4):
        remind(f"{number}@example.com")
    check_due_reminders.delay()
    coldframe.drain()
    assert [run.state for run in coldframe.runs(check_due_reminders)] == ["RETRY"] * 3 + ["FAILURE"]
    assert set(Reminder.objects.values_list("attempts", "given_up", "is_sent")) == {(0, False, False)}


def test_a_database_that_fails_is_asked_again(
    coldframe: Bench, mailbox: server.Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    troubles = [OperationalError("the connection is gone")]
    prepare = sending.prepare

    def fails_once(keys: Any) -> Any:
        if troubles:
            raise troubles.pop()
        return prepare(keys)

    monkeypatch.setattr(sending, "prepare", fails_once)
    remind()
    assert check_due_reminders.delay().get()["sent"] == 1
    assert [run.state for run in coldframe.runs(check_due_reminders)] == ["RETRY", "SUCCESS"]


@pytest.mark.parametrize("seed", range(5))
def test_two_nodes_at_once_send_each_reminder_once(seed: int, mailbox: server.Mailbox) -> None:
    mailbox.seconds = 2
    with Bench(app, seed=seed) as bench:
        for number in range(10):
            remind(f"{number}@example.com")
        bench.node("first", concurrency=1)
        bench.node("second", concurrency=1)
        for _ in range(2):
            check_due_reminders.delay()
        bench.drain()
        assert {run.node for run in bench.runs(check_due_reminders)} == {"first", "second"}
    assert sorted(mail.to for mail in mailbox.mails) == [f"{number}@example.com" for number in range(10)]
    assert Reminder.objects.filter(is_sent=True, attempts=1).count() == 10


@pytest.mark.coldframe(start="2026-03-10T08:00+11:00", undrained="allow")
def test_a_worker_that_dies_while_it_sends_leaves_one_in_doubt_and_the_rest_to_another(
    coldframe: Bench, mailbox: server.Mailbox
) -> None:
    mailbox.seconds = 10
    for address in ("ann@example.com", "bob@example.com", "cat@example.com"):
        remind(address, created_by=BDUserFactory())
    coldframe.node("first")
    check_due_reminders.delay()
    coldframe.advance(seconds=15)
    coldframe.kill("first")
    coldframe.node("second")
    coldframe.advance(minutes=10)
    assert sorted(mail.to for mail in mailbox.mails) == ["ann@example.com", "cat@example.com"]
    assert DeliveryLedger.objects.get(status="claimed").object == f"reminder:{Reminder.objects.get(is_sent=False).pk}"
    coldframe.beat()
    coldframe.advance(hours=3)
    assert len(mailbox.mails) == 2
    assert Notification.objects.get().message.startswith("“Hello” to bob@example.com: Its worker died")
