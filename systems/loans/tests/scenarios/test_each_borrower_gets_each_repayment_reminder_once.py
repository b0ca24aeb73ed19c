"""Seven days before an instalment is due, and 3, 7 and 10 days after it, whatever happens to worker and mail server."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from coldframe import Bench

from applications.models import Application, Stage
from core.models import DeliveryLedger
from documents.models import Repayment
from documents.payments import record_payment
from tests.factories import ApplicationFactory, BDMFactory, BorrowerFactory, RepaymentFactory
from tests.mailbox import Mailbox

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.task,
    pytest.mark.coldframe(beat=["check-repayment-reminders"], start="2026-03-01T00:00+11:00", undrained="allow"),
]

UPCOMING = "Upcoming Repayment Reminder"
LATE_3 = "OVERDUE Repayment Notice"
LATE_7 = "URGENT: 7 Days OVERDUE Repayment"
LATE_10 = "ESCALATION: 10 Days Overdue Repayment"

DUE = date(2026, 3, 20)
ANN, BEN, BOSS = "ann@example.com", "ben@example.com", "boss@example.com"


@pytest.fixture
def loan(coldframe: Bench) -> Application:
    """A funded application of Ann and Ben, looked after by the boss."""
    bd = BDMFactory(user__email=BOSS)
    borrowers = [BorrowerFactory(email=ANN), BorrowerFactory(email=BEN)]
    return ApplicationFactory(stage=Stage.FUNDED, bd=bd, borrowers=borrowers)


@pytest.fixture
def instalment(loan: Application) -> Repayment:
    return RepaymentFactory(application=loan, due_date=DUE)


def story(mailbox: Mailbox, address: str) -> list[tuple[str, str]]:
    """What one address got about repayments, and when."""
    return [(mail.on, mail.subject) for mail in mailbox.to(address, "epayment")]


USUAL = [("2026-03-13 07:00", UPCOMING), ("2026-03-23 07:00", LATE_3), ("2026-03-27 07:00", LATE_7)]


def test_on_the_day_and_never_again(coldframe: Bench, instalment: Repayment, mailbox: Mailbox) -> None:
    coldframe.advance(days=60)
    assert story(mailbox, ANN) == story(mailbox, BEN) == USUAL
    assert story(mailbox, BOSS) == [("2026-03-30 07:00", LATE_10)]
    instalment.refresh_from_db()
    assert instalment.reminder_sent
    assert instalment.overdue_3_day_sent
    assert instalment.overdue_7_day_sent
    assert instalment.overdue_10_day_sent


def test_a_worker_that_was_down_for_three_days_makes_up_for_it(
    coldframe: Bench, instalment: Repayment, mailbox: Mailbox
) -> None:
    worker = coldframe.node("first")
    coldframe.run_until("2026-03-12T12:00+11:00")
    coldframe.kill(worker)
    coldframe.run_until("2026-03-15T12:00+11:00")
    assert mailbox.mails == []
    coldframe.node("second")
    coldframe.run_until("2026-05-01T00:00+10:00")
    assert story(mailbox, ANN) == [("2026-03-15 12:00", UPCOMING), *USUAL[1:]]
    assert story(mailbox, BEN) == [("2026-03-15 12:00", UPCOMING), *USUAL[1:]]


@pytest.mark.coldframe(beat=False)
def test_after_a_long_silence_only_the_highest_stage_is_told(
    coldframe: Bench, instalment: Repayment, mailbox: Mailbox
) -> None:
    coldframe.run_until("2026-03-28T00:00+11:00")  # nothing ran in March: seven days late by now
    coldframe.beat(only=["check-repayment-reminders"])
    coldframe.run_until("2026-05-01T00:00+10:00")
    assert story(mailbox, ANN) == [("2026-03-28 07:00", LATE_7)]
    assert story(mailbox, BOSS) == [("2026-03-30 07:00", LATE_10)]


def test_a_mail_server_that_was_down_all_day_is_tried_again(
    coldframe: Bench, instalment: Repayment, mailbox: Mailbox
) -> None:
    mailbox.down = True
    coldframe.run_until("2026-03-13T23:00+11:00")
    instalment.refresh_from_db()
    assert (mailbox.mails, instalment.reminder_sent) == ([], False)
    mailbox.down = False
    coldframe.run_until("2026-05-01T00:00+10:00")
    assert story(mailbox, ANN) == [("2026-03-14 07:00", UPCOMING), *USUAL[1:]]
    assert story(mailbox, BEN) == [("2026-03-14 07:00", UPCOMING), *USUAL[1:]]


def test_one_refused_address_waits_for_its_own_message_only(
    coldframe: Bench, instalment: Repayment, mailbox: Mailbox
) -> None:
    mailbox.refused = {ANN}
    coldframe.run_until("2026-03-15T12:00+11:00")
    mailbox.refused = set()
    coldframe.run_until("2026-05-01T00:00+10:00")
    assert story(mailbox, BEN) == USUAL
    assert story(mailbox, ANN) == [("2026-03-16 07:00", UPCOMING), *USUAL[1:]]


def test_a_poisoned_row_spoils_nobody_elses_day(coldframe: Bench, loan: Application, mailbox: Mailbox) -> None:
    poisoned = ApplicationFactory(
        stage=Stage.FUNDED, borrowers=[BorrowerFactory(email="x@example.com\nBcc: y@example.com")]
    )
    RepaymentFactory(application=poisoned, due_date=DUE)
    RepaymentFactory(application=loan, due_date=DUE)
    coldframe.run_until("2026-05-01T00:00+10:00")
    assert story(mailbox, ANN) == story(mailbox, BEN) == USUAL
    assert {run.state for run in coldframe.runs("check_repayment_reminders")} <= {"SUCCESS", "RETRY"}


def test_two_nodes_that_run_it_at_once_send_it_once(coldframe: Bench, instalment: Repayment, mailbox: Mailbox) -> None:
    from applications.tasks import check_repayment_reminders

    coldframe.node("left")
    coldframe.node("right")
    mailbox.seconds = 2
    coldframe.run_until("2026-03-13T07:00:01+11:00")
    for _ in range(3):
        check_repayment_reminders.delay()
    coldframe.run_until("2026-05-01T00:00+10:00")
    overlapping = [run for run in coldframe.runs("check_repayment_reminders") if f"{run.started_at:%d}" == "12"]
    assert {run.node for run in overlapping} == {"left", "right"}
    assert mailbox.count() == {
        (ANN, UPCOMING): 1,
        (BEN, UPCOMING): 1,
        (ANN, LATE_3): 1,
        (BEN, LATE_3): 1,
        (ANN, LATE_7): 1,
        (BEN, LATE_7): 1,
        (BOSS, LATE_10): 1,
    }


def test_who_pays_while_it_runs_is_not_dunned_and_stays_paid(
    coldframe: Bench, instalment: Repayment, mailbox: Mailbox
) -> None:
    """The payment comes in while the message to Ann is on its way: Ben's is not sent any more."""

    def pay(address: str) -> None:
        if address == ANN and not Repayment.objects.filter(pk=instalment.pk, paid_date__isnull=False).exists():
            record_payment(Repayment.objects.get(pk=instalment.pk), date(2026, 3, 13))

    mailbox.on_mail = pay
    coldframe.run_until("2026-05-01T00:00+10:00")
    assert mailbox.count() == {(ANN, UPCOMING): 1}
    instalment.refresh_from_db()
    assert (instalment.paid_date, instalment.paid_amount) == (date(2026, 3, 13), instalment.amount)


def test_a_paid_instalment_is_never_mentioned(coldframe: Bench, instalment: Repayment, mailbox: Mailbox) -> None:
    record_payment(instalment, date(2026, 3, 1))
    coldframe.advance(days=60)
    assert mailbox.mails == []


@pytest.mark.parametrize("stage", [Stage.DECLINED, Stage.WITHDRAWN])
def test_an_application_that_fell_through_owes_nothing(
    coldframe: Bench, instalment: Repayment, mailbox: Mailbox, stage: Stage
) -> None:
    Application.objects.filter(pk=instalment.application_id).update(stage=stage)
    coldframe.advance(days=60)
    assert story(mailbox, ANN) == []


def test_a_borrower_with_two_applications_is_told_about_each(
    coldframe: Bench, loan: Application, mailbox: Mailbox
) -> None:
    second = ApplicationFactory(stage=Stage.FUNDED, bd=loan.bd, borrowers=[loan.borrowers.get(email=ANN)])
    for application in (loan, second):
        RepaymentFactory(application=application, due_date=DUE)
    coldframe.run_until("2026-03-14T00:00+11:00")
    told = mailbox.to(ANN, UPCOMING)
    assert len(told) == 2
    assert {ref for ref in (loan.reference_number, second.reference_number) for mail in told if ref in mail.body} == {
        loan.reference_number,
        second.reference_number,
    }


def test_instalments_at_the_end_of_a_month_and_across_the_change_of_clocks(
    coldframe: Bench, loan: Application, mailbox: Mailbox
) -> None:
    """31 March is before, 30 April after the end of daylight saving; the office opens at seven on either side."""
    for due in (date(2026, 3, 31), date(2026, 4, 30)):
        RepaymentFactory(application=loan, due_date=due)
    coldframe.run_until("2026-06-01T00:00+10:00")
    assert [mail.on for mail in mailbox.to(ANN, UPCOMING)] == ["2026-03-24 07:00", "2026-04-23 07:00"]
    assert [mail.on for mail in mailbox.to(ANN, LATE_3)] == ["2026-04-03 07:00", "2026-05-03 07:00"]
    assert [mail.at.hour for mail in mailbox.to(ANN, UPCOMING)] == [20, 21]  # in UTC


@pytest.mark.coldframe(start="2028-02-15T00:00+11:00")
def test_a_leap_day_is_a_day(coldframe: Bench, loan: Application, mailbox: Mailbox) -> None:
    RepaymentFactory(application=loan, due_date=date(2028, 2, 29))
    coldframe.advance(days=20)
    assert story(mailbox, ANN) == [("2028-02-22 07:00", UPCOMING), ("2028-03-03 07:00", LATE_3)]


def test_nobody_who_can_be_reached_is_for_the_manager_to_solve(coldframe: Bench, mailbox: Mailbox) -> None:
    application = ApplicationFactory(
        stage=Stage.FUNDED, bd=BDMFactory(user__email=BOSS), borrowers=[BorrowerFactory(email="")]
    )
    row = RepaymentFactory(application=application, due_date=DUE)
    coldframe.run_until("2026-03-20T12:00+11:00")
    assert [mail.on for mail in mailbox.to(BOSS)] == ["2026-03-13 07:00"]
    row.refresh_from_db()
    assert not row.reminder_sent
    application.borrowers.update(email=ANN)
    coldframe.run_until("2026-03-24T00:00+11:00")
    assert story(mailbox, ANN) == [("2026-03-23 07:00", LATE_3)]


def test_every_message_is_accounted_for(coldframe: Bench, instalment: Repayment, mailbox: Mailbox) -> None:
    coldframe.advance(days=60)
    rows = DeliveryLedger.objects.filter(object=f"repayment:{instalment.pk}")
    told: list[Any] = sorted(rows.values_list("recipient", "status", "attempts"))
    assert told == [(ANN, "sent", 1)] * 3 + [(BEN, "sent", 1)] * 3 + [(BOSS, "sent", 1)]
    assert all(row.sent_at - row.claimed_at < timedelta(seconds=1) for row in rows)
