"""Mail server, database, single rows and workers fail, and still each message goes out once."""

from __future__ import annotations

import smtplib
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from coldframe import Bench
from django.db import OperationalError, connection

from applications import tasks
from applications.models import Stage
from applications.services import change_stage
from applications.tasks import check_repayment_reminders, send_application_status_notification, send_email_async
from core.clock import today
from core.models import DeliveryLedger, EmailLog
from core.sweeps import MailServerDown
from documents.models import Repayment
from tests.factories import ApplicationFactory, BDMFactory, BorrowerFactory, RepaymentFactory
from tests.mailbox import Mailbox

pytestmark = [
    pytest.mark.task,
    pytest.mark.django_db,
    pytest.mark.coldframe(start="2026-03-16T07:00+11:00"),
]

ANN = "ann@example.com"


def overdue(*addresses: str) -> list[Repayment]:
    """One instalment each, three days overdue."""
    bd = BDMFactory()
    return [
        RepaymentFactory(
            application=ApplicationFactory(stage=Stage.FUNDED, bd=bd, borrowers=[BorrowerFactory(email=address)]),
            due_date=today() - timedelta(days=3),
        )
        for address in addresses
    ]


def states(bench: Bench, task: Any) -> list[str]:
    return [run.state for run in bench.runs(task)]


def people(number: int) -> list[str]:
    return [f"person{index}@example.com" for index in range(number)]


def test_a_mail_server_that_is_down_for_good_fails_the_run_and_loses_nothing(
    coldframe: Bench, mailbox: Mailbox
) -> None:
    rows = overdue(*people(5))
    mailbox.down = True
    coldframe.expect_failure(MailServerDown, task=check_repayment_reminders)
    check_repayment_reminders.delay()
    coldframe.drain()
    assert states(coldframe, check_repayment_reminders) == ["RETRY", "RETRY", "RETRY", "FAILURE"]
    assert not Repayment.objects.filter(overdue_3_day_sent=True).exists()
    mailbox.down = False
    result = check_repayment_reminders.delay()
    coldframe.drain()
    assert result.get() == {"checked": 5, "sent": 5, "skipped": 0, "failed": 0}
    assert Repayment.objects.filter(overdue_3_day_sent=True).count() == len(rows)


def test_a_short_outage_is_over_before_anybody_notices(coldframe: Bench, mailbox: Mailbox) -> None:
    overdue(*people(5))
    mailbox.down = True
    result = check_repayment_reminders.delay()
    coldframe.settle()
    mailbox.down = False
    coldframe.drain()
    assert result.get() == {"checked": 5, "sent": 5, "skipped": 0, "failed": 0}
    assert sorted(mail.to for mail in mailbox.mails) == people(5)


def test_a_refused_address_is_not_tried_again_before_the_next_run(coldframe: Bench, mailbox: Mailbox) -> None:
    overdue(ANN, "ben@example.com")
    mailbox.refused = {ANN}
    result = check_repayment_reminders.delay()
    coldframe.drain()
    assert result.get() == {"checked": 2, "sent": 1, "skipped": 0, "failed": 1}
    assert states(coldframe, check_repayment_reminders) == ["SUCCESS"]
    mailbox.refused = set()
    assert check_repayment_reminders.delay() is not None
    coldframe.drain()
    assert mailbox.count()[ANN, "OVERDUE Repayment Notice"] == 1


def test_of_three_sends_the_second_fails_and_all_are_tried(coldframe: Bench, mailbox: Mailbox) -> None:
    overdue(*people(3))
    tried: list[str] = []
    mailbox.on_mail = tried.append
    mailbox.refused = {people(3)[1]}
    result = check_repayment_reminders.delay()
    coldframe.drain()
    assert tried == people(3)
    assert result.get() == {"checked": 3, "sent": 2, "skipped": 0, "failed": 1}


def locked(times: int, statement: str) -> Callable[..., Any]:
    """A database that refuses a kind of statement so many times."""
    left = [times]

    def wrapper(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        if statement in sql and left[0]:
            left[0] -= 1
            raise OperationalError("database is locked")
        return execute(sql, params, many, context)

    return wrapper


def test_a_database_that_is_locked_is_tried_again_and_nothing_is_sent_twice(coldframe: Bench, mailbox: Mailbox) -> None:
    overdue(*people(3))
    with connection.execute_wrapper(locked(1, 'SELECT "documents_repayment"')):
        result = check_repayment_reminders.delay()
        coldframe.drain()
    assert states(coldframe, check_repayment_reminders) == ["RETRY", "SUCCESS"]
    assert result.get()["sent"] == 3
    assert sorted(mail.to for mail in mailbox.mails) == people(3)


@pytest.mark.django_db(transaction=True)
def test_a_run_that_the_database_interrupts_goes_on_where_it_was(coldframe: Bench, mailbox: Mailbox) -> None:
    """The database fails when the first row is to be marked, after its message was accepted."""
    overdue(*people(3))
    with connection.execute_wrapper(locked(1, 'UPDATE "documents_repayment"')):
        check_repayment_reminders.delay()
        coldframe.drain()
    assert states(coldframe, check_repayment_reminders) == ["RETRY", "SUCCESS"]
    assert [mail.to for mail in mailbox.mails] == people(3)
    assert Repayment.objects.filter(overdue_3_day_sent=True).count() == 3


def test_a_mistake_in_the_code_fails_the_run_at_once(coldframe: Bench) -> None:
    coldframe.expect_failure(ValueError, task=send_application_status_notification)
    send_application_status_notification.delay("no number", "approved")
    coldframe.drain()
    assert states(coldframe, send_application_status_notification) == ["FAILURE"]


def test_a_node_that_dies_in_the_middle_leaves_the_rest_to_the_next(coldframe: Bench, mailbox: Mailbox) -> None:
    """What was being sent at that moment is in doubt: it is not sent again, and the office is told."""
    overdue(*people(4))
    mailbox.seconds = 10
    coldframe.node("first")
    check_repayment_reminders.delay()
    coldframe.advance(seconds=25)  # two are sent, the third is on its way
    coldframe.kill("first")
    coldframe.node("second")
    coldframe.drain()
    assert sorted(mail.to for mail in mailbox.mails) == [people(4)[0], people(4)[1], people(4)[3]]
    assert states(coldframe, check_repayment_reminders) == ["LOST", "SUCCESS"]
    doubtful = DeliveryLedger.objects.get(status="claimed")
    assert doubtful.recipient == people(4)[2]
    assert Repayment.objects.filter(overdue_3_day_sent=True).count() == 3


def test_two_nodes_at_once_send_each_message_once(coldframe: Bench, mailbox: Mailbox) -> None:
    overdue(*people(6))
    mailbox.seconds = 3
    coldframe.node("left", concurrency=1)
    coldframe.node("right", concurrency=1)
    for _ in range(4):
        check_repayment_reminders.delay()
    coldframe.drain()
    assert {run.node for run in coldframe.runs(check_repayment_reminders)} == {"left", "right"}
    assert sorted(mail.to for mail in mailbox.mails) == people(6)
    results = [run.result for run in coldframe.runs(check_repayment_reminders)]
    assert sum(result["sent"] for result in results) == 6
    assert sum(result["failed"] for result in results) == 0


def test_a_message_that_is_delivered_twice_sends_one_e_mail(coldframe: Bench, mailbox: Mailbox) -> None:
    for _ in range(2):
        send_email_async.apply_async(["Hello", "How are you?", [ANN]], task_id="the-same")
    coldframe.drain()
    assert [mail.to for mail in mailbox.mails] == [ANN]
    assert [run.result["sent"] for run in coldframe.runs(send_email_async)] == [1, 0]
    assert EmailLog.objects.get().message_key == "the-same"


def test_a_node_that_dies_while_it_sends_an_e_mail_does_not_send_it_twice(coldframe: Bench, mailbox: Mailbox) -> None:
    mailbox.seconds = 10
    coldframe.node("first")
    send_email_async.delay("Hello", "How are you?", [ANN])
    coldframe.advance(seconds=5)
    coldframe.kill("first")
    coldframe.node("second")
    coldframe.drain()
    assert coldframe.runs(send_email_async)[-1].result == {"checked": 1, "sent": 0, "skipped": 1, "failed": 0}
    assert (mailbox.mails, EmailLog.objects.get().status) == ([], "sending")


@pytest.mark.parametrize("error", [None, smtplib.SMTPRecipientsRefused])
def test_an_e_mail_that_nobody_accepts_is_tried_after_one_two_and_four_minutes(
    coldframe: Bench, mailbox: Mailbox, error: type[Exception] | None
) -> None:
    mailbox.down, mailbox.refused = error is None, {ANN}
    coldframe.expect_failure(error or ConnectionRefusedError, task=send_email_async)
    send_email_async.delay("Hello", "How are you?", [ANN])
    coldframe.drain()
    runs = coldframe.runs(send_email_async)
    assert [run.state for run in runs] == ["RETRY", "RETRY", "RETRY", "FAILURE"]
    assert [(run.started_at - runs[0].started_at).total_seconds() for run in runs] == [0, 60, 180, 420]
    log = EmailLog.objects.get()
    assert (log.status, log.attempts) == ("failed", 4)


def test_a_sweep_that_takes_too_long_goes_on_in_another_run(coldframe: Bench, mailbox: Mailbox) -> None:
    """Ten minutes are the limit; after eight, nothing new is begun, so that no message is cut off."""
    overdue(*people(8))
    mailbox.seconds = 100
    result = check_repayment_reminders.delay()
    coldframe.drain()
    runs = coldframe.runs(check_repayment_reminders)
    assert [run.state for run in runs] == ["RETRY", "SUCCESS"]
    assert result.get() == {"checked": 3, "sent": 3, "skipped": 0, "failed": 0}
    assert sorted(mail.to for mail in mailbox.mails) == people(8)


def test_missed_changes_are_picked_up_once(coldframe: Bench, mailbox: Mailbox) -> None:
    application = ApplicationFactory(bd=None)
    change = change_stage(application, Stage.PRE_APPROVAL, None)  # and the message about it is lost
    coldframe.advance(minutes=5)
    for _ in range(2):
        tasks.pick_up_missed_stage_changes.delay()
        coldframe.drain()
    results = [run.result for run in coldframe.runs(tasks.pick_up_missed_stage_changes)]
    assert results == [
        {"checked": 1, "sent": 1, "skipped": 0, "failed": 0},
        {"checked": 0, "sent": 0, "skipped": 0, "failed": 0},
    ]
    coldframe.assert_ran(send_application_status_notification, times=1, args=[application.pk, "pre_approval"])
    assert [mail.to for mail in mailbox.mails] == [application.broker.user.email]
    change.refresh_from_db()
    assert change.notified_at is not None
