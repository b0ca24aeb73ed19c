"""On the first of each month at six, local time, there is a check of the month before, and it is mailed once."""

from __future__ import annotations

from collections import Counter
from datetime import date

import pytest
from coldframe import Bench

from core.clock import zone
from documents.models import Repayment
from reports.models import Report
from reports.tasks import run_monthly_compliance_check
from tests.factories import AdminFactory, ApplicationFactory, RepaymentFactory
from tests.mailbox import Mailbox

ENTRIES = ["run-monthly-compliance-check"]

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.task,
    pytest.mark.coldframe(beat=ENTRIES, start="2026-01-15T12:00+11:00", undrained="allow"),
]

BOSS, DEPUTY = "boss@example.com", "deputy@example.com"


@pytest.fixture(autouse=True)
def _administrators(db: None) -> None:
    AdminFactory(email=BOSS)
    AdminFactory(email=DEPUTY)


def months() -> list[tuple[str, str]]:
    rows = Report.objects.filter(kind=Report.Kind.MONTHLY_COMPLIANCE).order_by("period_start")
    return [(f"{row.period_start}", f"{row.period_end}") for row in rows]


def each_once(mailbox: Mailbox, count: int) -> bool:
    times = Counter((mail.to, mail.subject) for mail in mailbox.mails)
    return set(times.values()) == {1} and len(times) == 2 * count


def test_each_first_at_six_the_month_before(coldframe: Bench, mailbox: Mailbox) -> None:
    coldframe.run_until("2027-01-15T12:00+11:00")
    assert [first for first, _ in months()] == [f"2026-{month:02}-01" for month in range(1, 13)]
    lengths = [int(last[-2:]) for _, last in months()]
    assert lengths == [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
    assert [mail.on for mail in mailbox.to(BOSS)][-9:] == [f"2026-{month:02}-01 06:00" for month in range(5, 13)] + [
        "2027-01-01 06:00"
    ]
    offsets = [mail.at.astimezone(zone()).utcoffset().total_seconds() / 3600 for mail in mailbox.to(BOSS)]
    assert offsets == [11, 11, 11, 10, 10, 10, 10, 10, 10, 11, 11, 11]
    assert each_once(mailbox, 12)


@pytest.mark.coldframe(start="2028-02-10T12:00+11:00")
def test_a_leap_february_has_twenty_nine_days(coldframe: Bench, mailbox: Mailbox) -> None:
    RepaymentFactory(due_date=date(2028, 2, 29), paid_date=date(2028, 2, 29))
    coldframe.run_until("2028-03-02T00:00+11:00")
    assert months() == [("2028-02-01", "2028-02-29")]
    assert Report.objects.get().data["compliance"]["due"] == 1


def test_what_was_due_and_paid_by_the_last_evening_is_in_it(coldframe: Bench, mailbox: Mailbox) -> None:
    loan = ApplicationFactory(stage="funded")
    rows = [RepaymentFactory(application=loan, due_date=date(2026, month, day)) for month, day in ((2, 28), (3, 1))]
    coldframe.run_until("2026-02-28T23:59+11:00")
    Repayment.objects.filter(pk=rows[0].pk).update(paid_date=date(2026, 2, 28))
    coldframe.run_until("2026-04-02T00:00+11:00")
    found = [report.data["compliance"] for report in Report.objects.order_by("period_start")]
    figures = [(data["due"], data["paid_on_time"], data["unpaid"]) for data in found]
    assert figures == [(0, 0, 0), (1, 1, 0), (1, 0, 1)]


def test_workers_that_are_down_for_three_days_check_the_same_month_late(coldframe: Bench, mailbox: Mailbox) -> None:
    loan = ApplicationFactory(stage="funded")
    row = RepaymentFactory(application=loan, due_date=date(2026, 3, 20))
    coldframe.node("first")
    coldframe.run_until("2026-03-31T12:00+11:00")
    coldframe.kill("first")
    coldframe.run_until("2026-04-02T12:00+11:00")
    Repayment.objects.filter(pk=row.pk).update(paid_date=date(2026, 4, 2))  # too late for the month
    coldframe.run_until("2026-04-03T12:00+11:00")
    coldframe.node("second")
    coldframe.run_until("2026-05-02T00:00+10:00")
    assert months()[-2:] == [("2026-03-01", "2026-03-31"), ("2026-04-01", "2026-04-30")]
    assert mailbox.days(BOSS)[-2:] == ["2026-04-03", "2026-05-01"]
    assert each_once(mailbox, 4)
    assert Report.objects.get(period_start="2026-03-01").data["compliance"]["unpaid"] == 1


@pytest.mark.coldframe(beat=False)
def test_months_in_which_no_beat_ran_are_made_up_for(coldframe: Bench, mailbox: Mailbox) -> None:
    beat = coldframe.beat(only=ENTRIES)
    coldframe.run_until("2026-02-02T00:00+11:00")
    beat.stop()
    coldframe.run_until("2026-04-15T00:00+10:00")
    coldframe.beat(only=ENTRIES)
    coldframe.run_until("2026-05-02T00:00+10:00")
    assert [first for first, _ in months()] == ["2026-01-01", "2026-02-01", "2026-03-01", "2026-04-01"]
    assert each_once(mailbox, 4)


def test_run_twice_and_by_two_nodes_at_once_it_is_one_check(coldframe: Bench, mailbox: Mailbox) -> None:
    mailbox.seconds = 3
    coldframe.node("first", concurrency=1)
    coldframe.node("second", concurrency=1)
    for month in (2, 3, 4):
        coldframe.run_until(f"2026-{month:02}-01T05:59:59+11:00")
        for _ in range(4):
            run_monthly_compliance_check.delay()
        coldframe.advance(days=2)
    assert {run.node for run in coldframe.runs(run_monthly_compliance_check)} == {"first", "second"}
    assert [first for first, _ in months()] == ["2026-01-01", "2026-02-01", "2026-03-01"]
    assert each_once(mailbox, 3)


@pytest.mark.parametrize("hours", [1, 30])
def test_a_mail_server_that_refuses_for_a_while_delays_the_mail(coldframe: Bench, mailbox: Mailbox, hours: int) -> None:
    coldframe.run_until("2026-02-01T05:00+11:00")
    mailbox.down = True
    coldframe.advance(hours=1 + hours)
    mailbox.down = False
    coldframe.run_until("2026-03-02T00:00+11:00")
    assert months() == [("2026-01-01", "2026-01-31"), ("2026-02-01", "2026-02-28")]
    assert each_once(mailbox, 2)
