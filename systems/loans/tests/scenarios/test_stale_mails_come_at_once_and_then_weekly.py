"""Fourteen days in one stage: the manager hears of it at once, then each week, until it moves."""

from __future__ import annotations

import pytest
from coldframe import Bench

from applications.models import Application, Stage
from applications.services import change_stage
from tests.factories import AdminFactory, ApplicationFactory, BDMFactory
from tests.mailbox import Mailbox

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.task,
    pytest.mark.coldframe(beat=["check-stale-applications"], start="2026-03-01T12:00+11:00", undrained="allow"),
]

BOSS = "boss@example.com"
STALE = "Stale Application Alert"


@pytest.fixture
def application(coldframe: Bench) -> Application:
    """Made on the first of March at noon."""
    return ApplicationFactory(bd=BDMFactory(user__email=BOSS))


def test_at_once_and_then_each_week(coldframe: Bench, application: Application, mailbox: Mailbox) -> None:
    coldframe.advance(days=38)
    assert [mail.on for mail in mailbox.to(BOSS, STALE)] == [
        "2026-03-16 09:00",  # fourteen days were over at noon of the day before
        "2026-03-23 09:00",
        "2026-03-30 09:00",
        "2026-04-06 09:00",
    ]
    (subject,) = {mail.subject for mail in mailbox.to(BOSS, STALE)}
    assert subject == f"Stale Application Alert: {application.reference_number}"


def test_a_move_starts_the_count_again(coldframe: Bench, application: Application, mailbox: Mailbox) -> None:
    coldframe.run_until("2026-03-20T12:00+11:00")
    change_stage(application, Stage.PRE_APPROVAL, AdminFactory())
    coldframe.run_until("2026-04-12T00:00+10:00")
    assert mailbox.days(BOSS, STALE) == ["2026-03-16", "2026-04-04", "2026-04-11"]


def test_a_correction_of_its_text_hides_nothing(coldframe: Bench, application: Application, mailbox: Mailbox) -> None:
    coldframe.run_until("2026-03-15T13:00+11:00")
    application.purpose = "A house by the sea"
    application.save()
    coldframe.run_until("2026-03-17T00:00+11:00")
    assert mailbox.days(BOSS, STALE) == ["2026-03-16"]


def test_a_worker_that_was_down_tells_late_and_once(
    coldframe: Bench, application: Application, mailbox: Mailbox
) -> None:
    worker = coldframe.node("first")
    coldframe.run_until("2026-03-15T12:30+11:00")
    coldframe.kill(worker)
    coldframe.run_until("2026-03-18T12:00+11:00")
    coldframe.node("second")
    coldframe.run_until("2026-03-24T00:00+11:00")
    assert mailbox.days(BOSS, STALE) == ["2026-03-18", "2026-03-23"]


@pytest.mark.parametrize("stage", [Stage.FUNDED, Stage.DECLINED, Stage.WITHDRAWN])
def test_what_is_closed_is_not_stale(coldframe: Bench, mailbox: Mailbox, stage: Stage) -> None:
    ApplicationFactory(bd=BDMFactory(user__email=BOSS), stage=stage)
    coldframe.advance(days=30)
    assert mailbox.to(BOSS, STALE) == []
