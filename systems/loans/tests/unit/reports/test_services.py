"""The report of a period is made once, and mailed to each administrator once."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import pytest
import time_machine
from django.core import mail

from applications.models import Application, Stage, StageChange
from core.clock import zone
from core.models import DeliveryLedger
from core.periods import Period, weeks_before
from core.sweeps import Outcome
from reports import services
from reports.models import Report
from reports.services import MONTHLY, WEEKLY
from reports.tasks import send_email
from tests.factories import AdminFactory, ApplicationFactory, BDUserFactory, RepaymentFactory

pytestmark = [pytest.mark.unit, pytest.mark.django_db]

MARCH = Period(date(2026, 3, 1), date(2026, 3, 31))
WEEK = Period(date(2026, 3, 23), date(2026, 3, 29))


def local(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone())


def starts(kind: str) -> list[str]:
    return [
        f"{day}"
        for day in Report.objects.filter(kind=kind).order_by("period_start").values_list("period_start", flat=True)
    ]


def refuse(**_: Any) -> int:
    raise ConnectionRefusedError("nobody there")


@pytest.fixture(autouse=True)
def _boss() -> None:
    AdminFactory(email="boss@example.com")


@time_machine.travel("2026-03-30T06:00:00+11:00", tick=False)
def test_the_first_run_makes_the_last_period_only() -> None:
    assert services.run(WEEKLY, send_email) == Outcome(checked=1, sent=1)
    assert starts("weekly") == ["2026-03-23"]
    assert services.run(MONTHLY, send_email) == Outcome(checked=1, sent=1)
    assert starts("monthly_compliance") == ["2026-02-01"]


@time_machine.travel("2026-04-01T06:00:00+11:00", tick=False)
def test_a_second_run_makes_and_sends_nothing() -> None:
    services.run(MONTHLY, send_email)
    assert services.run(MONTHLY, send_email) == Outcome()
    assert [message.subject for message in mail.outbox] == ["Monthly compliance check: 1 to 31 March 2026"]
    assert mail.outbox[0].to == ["boss@example.com"]


def test_missed_weeks_are_made_up_for_as_far_as_four_back() -> None:
    with time_machine.travel("2026-03-30T06:00:00+11:00", tick=False):
        services.run(WEEKLY, send_email)
    with time_machine.travel("2026-04-22T06:00:00+10:00", tick=False):  # a Wednesday, three Mondays later
        assert services.run(WEEKLY, send_email) == Outcome(checked=3, sent=3)
    assert starts("weekly") == ["2026-03-23", "2026-03-30", "2026-04-06", "2026-04-13"]
    with time_machine.travel("2026-08-03T06:00:00+10:00", tick=False):
        services.run(WEEKLY, send_email)
    assert starts("weekly")[4:] == ["2026-07-06", "2026-07-13", "2026-07-20", "2026-07-27"]


def test_missed_months_are_made_up_for_as_far_as_three_back() -> None:
    with time_machine.travel("2026-01-01T06:00:00+11:00", tick=False):
        services.run(MONTHLY, send_email)
    with time_machine.travel("2026-06-05T06:00:00+10:00", tick=False):
        services.run(MONTHLY, send_email)
    assert starts("monthly_compliance") == ["2025-12-01", "2026-03-01", "2026-04-01", "2026-05-01"]


@time_machine.travel("2026-04-01T06:00:00+11:00", tick=False)
def test_a_period_that_has_a_report_keeps_it() -> None:
    report = services.make(MONTHLY, MARCH)
    RepaymentFactory(due_date=date(2026, 3, 5))
    assert services.make(MONTHLY, MARCH).data == report.data
    assert (Report.objects.count(), DeliveryLedger.objects.count()) == (1, 1)


@time_machine.travel("2026-04-08T06:00:00+10:00", tick=False)
def test_a_gap_between_two_reports_is_filled() -> None:
    for period in weeks_before(date(2026, 4, 8), 3)[::2]:
        services.make(WEEKLY, period)
    services.run(WEEKLY, send_email)
    assert starts("weekly") == ["2026-03-16", "2026-03-23", "2026-03-30"]


@time_machine.travel("2026-04-01T06:00:00+11:00", tick=False)
def test_each_administrator_who_is_active_gets_one() -> None:
    AdminFactory(email="second@example.com")
    AdminFactory(email="gone@example.com", is_active=False)
    BDUserFactory(email="manager@example.com")
    assert services.run(MONTHLY, send_email) == Outcome(checked=2, sent=2)
    assert [message.to for message in mail.outbox] == [["boss@example.com"], ["second@example.com"]]


@time_machine.travel("2026-04-01T06:00:00+11:00", tick=False)
def test_who_is_no_administrator_any_more_gets_none() -> None:
    services.make(MONTHLY, MARCH)
    services.administrators().update(is_active=False)
    AdminFactory(email="new@example.com")
    assert services.tell(send_email) == Outcome(checked=1, skipped=1)
    assert mail.outbox == []


def test_a_mail_that_could_not_be_sent_goes_out_with_the_next_report_of_either_kind() -> None:
    with time_machine.travel("2026-04-01T06:00:00+11:00", tick=False):
        assert services.run(MONTHLY, refuse) == Outcome(checked=1, failed=1)
    assert starts("monthly_compliance") == ["2026-03-01"]
    with time_machine.travel("2026-04-06T06:00:00+10:00", tick=False):
        assert services.run(WEEKLY, send_email) == Outcome(checked=2, sent=2)
    assert {message.subject for message in mail.outbox} == {
        "Monthly compliance check: 1 to 31 March 2026",
        "Weekly report: 30 March 2026 to 5 April 2026",
    }


def test_nobody_is_told_of_a_report_of_more_than_a_month_ago() -> None:
    with time_machine.travel("2026-04-01T06:00:00+11:00", tick=False):
        services.make(MONTHLY, MARCH)
    with time_machine.travel("2026-05-03T06:00:00+10:00", tick=False):
        assert services.tell(send_email) == Outcome()


@time_machine.travel("2026-04-01T06:00:00+11:00", tick=False)
def test_a_report_and_its_mails_are_written_together_or_not_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    def die(_keys: object) -> None:
        raise RuntimeError("the worker died")

    monkeypatch.setattr(services, "prepare", die)
    with pytest.raises(RuntimeError, match="died"):
        services.make(MONTHLY, MARCH)
    assert (Report.objects.count(), DeliveryLedger.objects.count()) == (0, 0)


def test_a_report_that_is_made_late_says_the_same() -> None:
    with time_machine.travel("2026-03-25T12:00:00+11:00", tick=False):
        application = ApplicationFactory(stage=Stage.FUNDED)
        RepaymentFactory(application=application, due_date=date(2026, 3, 26))
        late = RepaymentFactory(application=application, due_date=date(2026, 3, 27))
    with time_machine.travel("2026-03-30T06:00:00+11:00", tick=False):
        in_time = services.make(WEEKLY, WEEK).data
    Report.objects.all().delete()
    with time_machine.travel("2026-04-09T06:00:00+10:00", tick=False):
        ApplicationFactory()
        type(late).objects.filter(pk=late.pk).update(paid_date=date(2026, 4, 1))
        Application.objects.filter(pk=application.pk).update(stage=Stage.WITHDRAWN)
        StageChange.objects.create(
            application=application, from_stage="funded", to_stage="withdrawn", changed_at=local("2026-04-02 09:00")
        )
        assert services.make(WEEKLY, WEEK).data == in_time
    assert in_time["volume"] == {"applications": 1, "amount": "500000.00"}
    assert (in_time["compliance"]["due"], in_time["compliance"]["unpaid"]) == (2, 2)
    assert {row["stage"]: row["applications"] for row in in_time["status"]}["funded"] == 1


@time_machine.travel("2026-04-01T06:00:00+11:00", tick=False)
def test_the_mail_tells_the_figures_in_plain_text() -> None:
    application = ApplicationFactory(stage=Stage.FUNDED)
    for day, paid in ((5, 5), (12, 13), (19, None)):
        paid_date = paid and date(2026, 3, paid)
        RepaymentFactory(application=application, amount=1000, due_date=date(2026, 3, day), paid_date=paid_date)
    services.run(MONTHLY, send_email)
    assert mail.outbox[0].body.splitlines() == [
        "Monthly compliance check for 1 to 31 March 2026",
        "",
        "Instalments due: 3, together AUD 3000.00 (66.7 % paid, 33.3 % on time)",
        "- paid on time: 1",
        "- paid late: 1",
        "- unpaid: 1, together AUD 1000.00",
        f"- {application.reference_number}: 1 unpaid, AUD 1000.00",
    ]


@time_machine.travel("2026-04-06T06:00:00+10:00", tick=False)
def test_the_weekly_mail_tells_what_came_in_and_where_it_stands() -> None:
    with time_machine.travel("2026-04-05T23:30:00+10:00", tick=False):  # the last hour of the week
        ApplicationFactory(loan_amount=250000)
    services.run(WEEKLY, send_email)
    body = mail.outbox[0].body
    assert "New applications: 1, together AUD 250000.00" in body
    assert "- inquiry: 1, AUD 250000.00" in body
    assert "Instalments due: 0, together AUD 0.00\n" in body
