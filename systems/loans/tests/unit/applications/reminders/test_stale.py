"""An application that does not move is reported to whoever looks after it, at once and then each week."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

import pytest
import time_machine
from pytest_django import DjangoAssertNumQueries

from applications.models import Application, Stage
from applications.reminders.stale import report_stale_applications
from core.clock import now, zone
from core.mailing import Sender
from core.models import DeliveryLedger
from core.sweeps import Outcome
from tests.factories import AdminFactory, ApplicationFactory, BDMFactory, BranchFactory, BrokerFactory, long_in_stage
from tests.mailbox import Mailbox

pytestmark = [pytest.mark.unit, pytest.mark.django_db]

BOSS = "boss@example.com"


def test_the_manager_gets_what_is_needed_to_act(send: Sender, mailbox: Mailbox) -> None:
    long_in_stage(
        15,
        reference_number="APP-ABCDEFGH",
        stage=Stage.FORMAL_APPROVAL,
        loan_amount=Decimal("250000.5"),
        bd=BDMFactory(user__email=BOSS),
        broker=BrokerFactory(name="Bea Broker"),
    )
    assert report_stale_applications(send) == Outcome(checked=1, sent=1)
    (mail,) = mailbox.mails
    assert (mail.to, mail.subject) == (BOSS, "Stale Application Alert: APP-ABCDEFGH")
    assert mail.body == (
        "Dear colleague,\n\n"
        "an application has not moved for two weeks or more. Please see to it, or close it.\n\n"
        "Application: APP-ABCDEFGH\nStage: Formal approval\nSince: 2026-03-01 07:00\n"
        "Amount: AUD 250000.50\nBroker: Bea Broker\n"
    )


def test_what_is_not_known_is_said_to_be_unknown(send: Sender, mailbox: Mailbox) -> None:
    long_in_stage(15, loan_amount=None, broker=None)
    report_stale_applications(send)
    assert "Amount: not known\nBroker: none\n" in mailbox.mails[0].body


@pytest.mark.parametrize(("hours", "mails"), [(14 * 24, 1), (14 * 24 - 1, 0)])
def test_two_weeks_are_two_weeks(send: Sender, mailbox: Mailbox, hours: int, mails: int) -> None:
    ApplicationFactory(stage_last_updated=now() - timedelta(hours=hours))
    report_stale_applications(send)
    assert len(mailbox.mails) == mails


def test_one_that_never_moved_is_in_its_stage_since_it_was_made(send: Sender, mailbox: Mailbox) -> None:
    application = ApplicationFactory()
    Application.objects.filter(pk=application.pk).update(created_at=now() - timedelta(days=15))
    assert report_stale_applications(send).sent == 1


def test_a_correction_of_its_text_is_no_move(send: Sender, mailbox: Mailbox) -> None:
    application = long_in_stage(15)
    application.purpose = "A house by the sea"
    application.save()
    assert report_stale_applications(send).sent == 1


@pytest.mark.parametrize("stage", [Stage.FUNDED, Stage.DECLINED, Stage.WITHDRAWN])
def test_what_is_closed_is_not_stale(send: Sender, mailbox: Mailbox, stage: Stage) -> None:
    long_in_stage(15, stage=stage)
    assert report_stale_applications(send) == Outcome()


def test_it_is_told_again_each_week_and_not_in_between(
    send: Sender, mailbox: Mailbox, clock: time_machine.Coordinates
) -> None:
    ApplicationFactory(stage_last_updated=now() - timedelta(days=14, hours=3), bd=BDMFactory(user__email=BOSS))
    results = []
    for _ in range(22):
        results += [report_stale_applications(send), report_stale_applications(send)]
        clock.shift(timedelta(days=1))
    assert mailbox.days(BOSS) == ["2026-03-16", "2026-03-23", "2026-03-30", "2026-04-06"]
    assert sum(one.sent for one in results) == 4
    assert all(one == Outcome(checked=1, skipped=1) for one in results if not one.sent)


def test_weeks_are_counted_on_the_office_s_clock_when_it_is_put_back(
    send: Sender, mailbox: Mailbox, clock: time_machine.Coordinates
) -> None:
    """In its stage since half past nine. At nine on the last day of a week that week is not over, summer or winter."""
    since = datetime(2026, 3, 1, 9, 30, tzinfo=zone())
    ApplicationFactory(stage_last_updated=since, bd=BDMFactory(user__email=BOSS))
    for day in range(16, 46):
        clock.move_to(datetime(2026, 3, 1, 9, tzinfo=zone()) + timedelta(days=day - 1))
        report_stale_applications(send)
    assert mailbox.days(BOSS) == ["2026-03-16", "2026-03-23", "2026-03-30", "2026-04-06", "2026-04-13"]


def test_another_stage_starts_again(send: Sender, mailbox: Mailbox, clock: time_machine.Coordinates) -> None:
    application = long_in_stage(15)
    report_stale_applications(send)
    Application.objects.update(stage=Stage.VALUATION, stage_last_updated=now())
    clock.shift(timedelta(days=13))
    assert report_stale_applications(send) == Outcome()
    clock.shift(timedelta(days=1))
    assert report_stale_applications(send).sent == 1
    assert DeliveryLedger.objects.filter(object=f"application:{application.pk}").count() == 2


def test_one_that_moves_while_the_sweep_runs_is_left_alone(send: Sender, mailbox: Mailbox) -> None:
    _first, second = long_in_stage(15), long_in_stage(15)
    mailbox.on_mail = lambda _address: Application.objects.filter(pk=second.pk).update(
        stage=Stage.VALUATION, stage_last_updated=now()
    )
    assert report_stale_applications(send) == Outcome(checked=2, sent=1, skipped=1)


def test_whoever_can_be_reached_is_told(send: Sender, mailbox: Mailbox) -> None:
    admin = AdminFactory(email="admin@example.com")
    gone = BDMFactory(user__email="gone@example.com", user__is_active=False, email="desk@example.com")
    applications = [
        long_in_stage(15, bd=BDMFactory(user__email=BOSS, email="other@example.com")),
        long_in_stage(15, bd=gone),
        long_in_stage(15, bd=BDMFactory(user=None, email="", branch__email="branch@example.com")),
        long_in_stage(15, bd=None, branch=BranchFactory(email="house@example.com")),
        long_in_stage(15, bd=None),
    ]
    assert report_stale_applications(send) == Outcome(checked=5, sent=2, skipped=3)
    assert [mail.to for mail in mailbox.mails] == [
        BOSS,
        "desk@example.com",
        "branch@example.com",
        "house@example.com",
        admin.email,
    ]
    assert report_stale_applications(send) == Outcome(checked=5, skipped=5)
    assert len(applications) == 5


def test_a_refused_one_is_tried_the_next_day(send: Sender, mailbox: Mailbox, clock: time_machine.Coordinates) -> None:
    long_in_stage(15, bd=BDMFactory(user__email=BOSS))
    mailbox.refused = {BOSS}
    assert report_stale_applications(send) == Outcome(checked=1, failed=1)
    mailbox.refused = set()
    clock.shift(timedelta(days=1))
    assert report_stale_applications(send) == Outcome(checked=1, sent=1)


def test_the_number_of_statements_does_not_grow_with_applications_that_were_told_of(
    send: Sender, mailbox: Mailbox, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    bd = BDMFactory()
    for number in (10, 30):
        for _ in range(number):
            long_in_stage(15, bd=bd)
        report_stale_applications(send)
        with django_assert_num_queries(3):  # the applications, and their deliveries: made if missing, and read
            report_stale_applications(send)
