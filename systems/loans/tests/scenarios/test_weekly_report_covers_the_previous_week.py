"""On Monday at six, local time, there is a report of the week before, and each administrator has it by mail, once."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta

import pytest
from coldframe import Bench

from reports.models import Report
from reports.tasks import generate_weekly_report
from tests.factories import AdminFactory, ApplicationFactory
from tests.mailbox import Mailbox

#: The report of the month is made, too: neither disturbs the other.
ENTRIES = ["generate-weekly-report", "run-monthly-compliance-check"]

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.task,
    pytest.mark.coldframe(beat=ENTRIES, start="2026-03-02T12:00+11:00", undrained="allow"),
]

BOSS, DEPUTY = "boss@example.com", "deputy@example.com"


@pytest.fixture(autouse=True)
def _administrators(db: None) -> None:
    AdminFactory(email=BOSS)
    AdminFactory(email=DEPUTY)


def weeks() -> list[tuple[str, str]]:
    rows = Report.objects.filter(kind=Report.Kind.WEEKLY).order_by("period_start")
    return [(f"{row.period_start}", f"{row.period_end}") for row in rows]


def mondays(first: str, count: int) -> list[tuple[str, str]]:
    start = date.fromisoformat(first)
    firsts = [start + timedelta(weeks=week) for week in range(count)]
    return [(f"{day}", f"{day + timedelta(days=6)}") for day in firsts]


def each_once(mailbox: Mailbox, count: int) -> bool:
    mails = [mail for mail in mailbox.mails if mail.subject.startswith("Weekly report")]
    times = Counter((mail.to, mail.subject) for mail in mails)
    return set(times.values()) == {1} and len(times) == 2 * count


def test_each_monday_at_six_the_week_before(coldframe: Bench, mailbox: Mailbox) -> None:
    coldframe.advance(days=70)
    assert weeks() == mondays("2026-03-02", 10)
    assert {mail.on[11:] for mail in mailbox.mails} == {"06:00"}  # on both sides of the fifth of April
    assert mailbox.days(BOSS, "Weekly report") == [f"{date(2026, 3, 9) + timedelta(weeks=week)}" for week in range(10)]
    assert each_once(mailbox, 10)


@pytest.mark.coldframe(start="2026-09-21T12:00+10:00")
def test_also_when_the_clocks_go_forward(coldframe: Bench, mailbox: Mailbox) -> None:
    coldframe.advance(days=28)
    assert weeks() == mondays("2026-09-21", 4)
    assert {mail.on[11:] for mail in mailbox.mails} == {"06:00"}


def test_what_came_in_on_sunday_night_is_in_it_and_what_came_on_monday_is_not(
    coldframe: Bench, mailbox: Mailbox
) -> None:
    for moment in ("2026-04-05T23:59+10:00", "2026-04-06T00:01+10:00"):
        coldframe.run_until(moment)
        ApplicationFactory(loan_amount=1000)
    coldframe.run_until("2026-04-14T00:00+10:00")
    reports = Report.objects.filter(kind=Report.Kind.WEEKLY).order_by("period_start")
    came_in = {f"{report.period_start}": report.data["volume"]["applications"] for report in reports}
    assert (came_in["2026-03-23"], came_in["2026-03-30"], came_in["2026-04-06"]) == (0, 1, 1)


def test_workers_that_are_down_for_three_days_report_the_same_week_late(coldframe: Bench, mailbox: Mailbox) -> None:
    coldframe.node("first")
    coldframe.run_until("2026-03-15T12:00+11:00")
    coldframe.kill("first")
    coldframe.run_until("2026-03-18T12:00+11:00")
    coldframe.node("second")
    coldframe.run_until("2026-03-31T00:00+11:00")
    assert weeks() == mondays("2026-03-02", 4)
    assert mailbox.days(BOSS, "Weekly report") == ["2026-03-09", "2026-03-18", "2026-03-23", "2026-03-30"]
    assert each_once(mailbox, 4)


@pytest.mark.coldframe(beat=False)
def test_mondays_on_which_no_beat_ran_are_made_up_for(coldframe: Bench, mailbox: Mailbox) -> None:
    beat = coldframe.beat(only=ENTRIES)
    coldframe.run_until("2026-03-10T00:00+11:00")
    beat.stop()
    coldframe.run_until("2026-03-31T12:00+11:00")
    coldframe.beat(only=ENTRIES)
    coldframe.run_until("2026-04-07T00:00+10:00")
    assert weeks() == mondays("2026-03-02", 5)
    assert each_once(mailbox, 5)


def test_run_twice_and_by_two_nodes_at_once_it_is_one_report(coldframe: Bench, mailbox: Mailbox) -> None:
    mailbox.seconds = 3
    coldframe.node("first", concurrency=1)
    coldframe.node("second", concurrency=1)
    for _ in range(3):
        coldframe.advance(days=7)
        for _ in range(3):
            generate_weekly_report.delay()
    coldframe.advance(minutes=5)
    assert {run.node for run in coldframe.runs(generate_weekly_report)} == {"first", "second"}
    assert weeks() == mondays("2026-03-02", 3)
    assert each_once(mailbox, 3)


@pytest.mark.parametrize("hours", [1, 30, 100])
def test_a_mail_server_that_refuses_for_a_while_delays_the_mail(coldframe: Bench, mailbox: Mailbox, hours: int) -> None:
    coldframe.run_until("2026-03-09T05:00+11:00")
    mailbox.down = True
    coldframe.advance(hours=1 + hours)
    mailbox.down = False
    coldframe.run_until("2026-03-25T00:00+11:00")
    assert weeks() == mondays("2026-03-02", 3)
    assert each_once(mailbox, 3)
