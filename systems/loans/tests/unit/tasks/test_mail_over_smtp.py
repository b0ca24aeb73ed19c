"""Every kind of mail goes once through a real SMTP server in this process, with the backend that production uses."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from coldframe import Bench

from applications import tasks
from applications.models import ActiveLoan, Stage
from core.clock import now, today
from core.models import DeliveryLedger
from crm_backend.celery import app
from documents.models import Repayment
from tests.factories import (
    AdminFactory,
    ApplicationFactory,
    BDMFactory,
    BorrowerFactory,
    NoteFactory,
    NotificationFactory,
    RepaymentFactory,
    UserFactory,
    long_in_stage,
)
from tests.smtp import HOST, Server
from users.models import Notification, NotificationPreference

pytestmark = [pytest.mark.task, pytest.mark.integration, pytest.mark.django_db]

ANN, BEN, BOSS = "ann@example.com", "ben@example.com", "boss@example.com"
START = "2026-03-16T07:00+11:00"
ONE = {"checked": 1, "sent": 1, "skipped": 0, "failed": 0}


@pytest.fixture
def server(settings: Any) -> Iterator[Server]:
    found = Server()
    found.start()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_TIMEOUT = HOST, found.port, 5
    yield found
    found.stop()


@pytest.fixture
def bench(server: Server) -> Iterator[Bench]:
    with Bench(app, start=START, allow=[server.address]) as opened:
        yield opened


def run(bench: Bench, task: Any, *args: Any) -> Any:
    result = task.delay(*args)
    bench.drain()
    return result.get()


def instalment(days_late: int, *addresses: str) -> Repayment:
    application = ApplicationFactory(
        stage=Stage.FUNDED,
        bd=BDMFactory(user__email=BOSS),
        borrowers=[BorrowerFactory(email=address) for address in addresses],
    )
    return RepaymentFactory(application=application, due_date=today() - timedelta(days=days_late))


def loan() -> ActiveLoan:
    AdminFactory(email=BOSS)
    return ActiveLoan.objects.create(
        application=ApplicationFactory(), settlement_date=today(), loan_expiry_date=today() + timedelta(days=30)
    )


def application_of_the_boss() -> int:
    return ApplicationFactory(broker=None, bd=BDMFactory(user__email=BOSS)).pk


def reader(days: int, choice: str) -> None:
    news = NotificationFactory(user=UserFactory(email=BOSS), title="Something new")
    NotificationPreference.objects.create(user=news.user, **{choice: True})
    Notification.objects.update(created_at=now() - timedelta(days=days))


@pytest.mark.parametrize(
    ("task", "prepare", "address", "subject"),
    [
        (tasks.check_repayment_reminders, lambda: instalment(-7, ANN), ANN, "Upcoming Repayment Reminder"),
        (tasks.check_repayment_reminders, lambda: instalment(3, ANN), ANN, "OVERDUE Repayment Notice"),
        (tasks.check_repayment_reminders, lambda: instalment(7, ANN), ANN, "URGENT: 7 Days OVERDUE Repayment"),
        (tasks.check_repayment_reminders, lambda: instalment(10, ANN), BOSS, "ESCALATION: 10 Days Overdue Repayment"),
        (tasks.check_repayment_reminders, lambda: instalment(3, ""), BOSS, "Nobody to remind of a repayment: APP-"),
        (tasks.send_repayment_reminders, lambda: instalment(-1, ANN), ANN, "Upcoming Repayment Reminder"),
        (
            tasks.check_stale_applications,
            lambda: long_in_stage(20, bd=BDMFactory(user__email=BOSS)),
            BOSS,
            "Stale Application Alert: APP-",
        ),
        (
            tasks.check_note_reminders,
            lambda: NoteFactory(title="Café", remind_date=now(), application=None, created_by=UserFactory(email=BOSS)),
            BOSS,
            "Note Reminder: Café",
        ),
        (tasks.check_active_loans, loan, BOSS, "Loan expires within 30 days: APP-"),
        (tasks.send_daily_digest, lambda: reader(1, "daily_digest"), BOSS, "Your daily digest"),
        (tasks.send_weekly_digest, lambda: reader(7, "weekly_digest"), BOSS, "Your weekly digest"),
    ],
)
def test_each_kind_of_mail_arrives(
    bench: Bench, server: Server, task: Any, prepare: Callable[[], object], address: str, subject: str
) -> None:
    prepare()
    assert run(bench, task)["failed"] == 0
    ((recipient, message),) = server.accepted
    assert (recipient, message["To"]) == (address, address)
    assert message["Subject"].startswith(subject)
    assert message["From"] == "Loans <loans@example.com>"
    assert message.get_content().strip()


def test_a_status_arrives(bench: Bench, server: Server) -> None:
    assert run(bench, tasks.send_application_status_notification, application_of_the_boss(), "approved") == ONE
    assert "is now: approved." in server.accepted[0][1].get_content()


def test_an_alert_arrives(bench: Bench, server: Server) -> None:
    assert run(bench, tasks.alert_about_active_loan, loan().pk) == ONE
    assert [recipient for recipient, _message in server.accepted] == [BOSS]


def test_a_single_e_mail_arrives_with_both_its_parts(bench: Bench, server: Server) -> None:
    args = ("Hello", "How are you?", [ANN, BEN], "<p>How are you?</p>", "office@example.com")
    assert run(bench, tasks.send_email_async, *args) == ONE
    assert [recipient for recipient, _message in server.accepted] == [ANN, BEN]
    message = server.accepted[0][1]
    assert message["From"] == "office@example.com"
    assert {part.get_content_type(): part.get_content().strip() for part in message.iter_parts()} == {
        "text/plain": "How are you?",
        "text/html": "<p>How are you?</p>",
    }


def test_each_borrower_sees_only_their_own_address(bench: Bench, server: Server) -> None:
    instalment(3, ANN, BEN)
    run(bench, tasks.check_repayment_reminders)
    assert [(recipient, message["To"]) for recipient, message in server.accepted] == [(ANN, ANN), (BEN, BEN)]


def test_a_recipient_that_is_refused_gets_it_when_it_is_accepted(bench: Bench, server: Server) -> None:
    row = instalment(3, ANN, BEN)
    server.answers = {ANN: "550 no such mailbox"}
    assert run(bench, tasks.check_repayment_reminders) == {"checked": 1, "sent": 1, "skipped": 0, "failed": 1}
    bench.assert_ran(tasks.check_repayment_reminders, times=1)
    assert "550" in DeliveryLedger.objects.get(recipient=ANN).error
    server.answers = {}
    assert run(bench, tasks.check_repayment_reminders) == ONE
    assert [recipient for recipient, _message in server.accepted] == [BEN, ANN]
    row.refresh_from_db()
    assert row.overdue_3_day_sent


def test_a_recipient_that_is_greylisted_gets_it_within_minutes(bench: Bench, server: Server) -> None:
    instalment(3, ANN)
    server.answers = {ANN: "450 try again later"}
    result = tasks.check_repayment_reminders.delay()
    bench.settle()
    server.answers = {}
    bench.advance(minutes=1)
    assert result.get() == ONE
    assert [run.state for run in bench.runs()] == ["RETRY", "SUCCESS"]


def test_a_server_that_is_down_is_asked_again_and_takes_everything_then(bench: Bench, server: Server) -> None:
    instalment(3, *(f"{number}@example.com" for number in range(5)))
    server.stop()
    result = tasks.check_repayment_reminders.delay()
    bench.settle()
    assert DeliveryLedger.objects.filter(status="failed", attempts=0).count() == 3
    server.start()
    bench.drain()
    assert result.get() == {"checked": 1, "sent": 5, "skipped": 0, "failed": 0}
    assert len(server.accepted) == 5
