"""The tasks as parts of something larger: chains, groups, chords, and what happens when a part fails."""

from __future__ import annotations

from typing import Any

import pytest
from celery import chain, chord, group, shared_task
from coldframe import Bench

from applications.models import Application
from applications.tasks import (
    check_note_reminders,
    check_repayment_reminders,
    check_stale_applications,
    send_application_status_notification,
    send_email_async,
)
from documents.models import Repayment
from tests import mailbox as server
from tests.factories import ApplicationFactory, long_in_stage
from tests.mailbox import Mailbox

pytestmark = [
    pytest.mark.task,
    pytest.mark.django_db,
    pytest.mark.coldframe(start="2026-03-16T07:00+11:00"),
]

ONE = {"checked": 1, "sent": 1, "skipped": 0, "failed": 0}


@shared_task(name="tests.advanced.add_up")
def add_up(results: list[dict[str, int]]) -> int:
    """How many messages the sweeps sent together."""
    return sum(result["sent"] for result in results)


@pytest.fixture
def mailbox(settings: Any) -> Mailbox:
    settings.EMAIL_BACKEND = server.BACKEND
    return server.fresh()


@pytest.fixture
def work(coldframe: Bench, repayment_instance: Repayment, note_with_reminder: object) -> Application:
    """One message to send for each of the three sweeps."""
    return long_in_stage(20)


def test_a_chain_runs_one_after_the_other(coldframe: Bench, mailbox: Mailbox, work: Application) -> None:
    mailbox.seconds = 5
    result = chain(
        check_repayment_reminders.si(),
        check_stale_applications.si(),
        send_application_status_notification.si(4711, "x"),
    ).delay()
    coldframe.drain()
    assert result.get()["detail"] == "there is no application 4711"
    first, second = (coldframe.runs(task)[0] for task in (check_repayment_reminders, check_stale_applications))
    assert first.finished_at <= second.started_at
    assert (first.result, second.result) == (ONE, ONE)


def test_a_group_runs_at_once_and_keeps_its_order(coldframe: Bench, mailbox: Mailbox, work: Application) -> None:
    mailbox.seconds = 5
    result = group(check_repayment_reminders.si(), check_stale_applications.si(), check_note_reminders.si()).delay()
    coldframe.drain()
    assert result.get() == [ONE, ONE, ONE]
    assert len({run.started_at for run in coldframe.runs()}) == 1
    assert len(mailbox.mails) == 3


def test_a_group_of_the_same_sweep_sends_nothing_twice(coldframe: Bench, mailbox: Mailbox, work: Application) -> None:
    result = group(check_repayment_reminders.si() for _ in range(5)).delay()
    coldframe.drain()
    assert sum(one["sent"] for one in result.get()) == 1
    assert len(mailbox.mails) == 1


def test_a_chord_adds_up_what_the_sweeps_came_to(coldframe: Bench, mailbox: Mailbox, work: Application) -> None:
    sweeps = [check_repayment_reminders.si(), check_stale_applications.si(), check_note_reminders.si()]
    result = chord(sweeps)(add_up.s())
    coldframe.drain()
    assert result.get() == 3
    assert add_up.name == coldframe.runs()[-1].task


def test_a_chain_stops_at_what_fails(coldframe: Bench, mailbox: Mailbox, work: Application) -> None:
    coldframe.expect_failure(ValueError)
    chain(send_application_status_notification.si("no number", "approved"), check_stale_applications.si()).delay()
    coldframe.drain()
    assert [run.state for run in coldframe.runs()] == ["FAILURE"]
    assert mailbox.mails == []


def test_a_part_that_fails_does_not_stop_the_others_of_its_group(
    coldframe: Bench, mailbox: Mailbox, work: Application
) -> None:
    coldframe.expect_failure(ValueError)
    result = group(
        send_application_status_notification.si("no number", "approved"), check_stale_applications.si()
    ).delay()
    coldframe.drain()
    assert [child.state for child in result.children] == ["FAILURE", "SUCCESS"]
    assert len(mailbox.mails) == 1


def test_a_chain_waits_for_the_retries_of_its_first_part(coldframe: Bench, mailbox: Mailbox) -> None:
    application = ApplicationFactory(bd=None)
    mailbox.down = True
    chain(
        send_email_async.si("Hello", "Hi.", ["ann@example.com"]),
        send_application_status_notification.si(application.pk, "approved"),
    ).delay()
    coldframe.advance(seconds=70)
    assert [run.state for run in coldframe.runs()] == ["RETRY", "RETRY"]
    mailbox.down = False
    coldframe.drain()
    assert [mail.to for mail in mailbox.mails] == ["ann@example.com", application.broker.user.email]
