"""The schedule over days, weeks and months: each entry at its local hour, whatever the clocks do."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from typing import Any
from unittest.mock import patch

import pytest
import time_machine
from coldframe import Bench

from applications.tasks import check_repayment_reminders
from core.clock import today, zone
from crm_backend.beat import SCHEDULE
from crm_backend.celery import app
from reports.models import Report
from reports.tasks import generate_weekly_report, run_monthly_compliance_check
from tests.factories import AdminFactory, ApplicationFactory, BorrowerFactory, RepaymentFactory

pytestmark = [pytest.mark.task, pytest.mark.django_db]

DAILY = {
    "clean-up": "04:00",
    "check-repayment-reminders": "07:00",
    "check-active-loans": "07:30",
    "send-daily-digest": "08:30",
    "check-stale-applications": "09:00",
    "check-stagnant-applications": "10:00",
}
#: The night in which the clocks go back is in the first span, that in which they go forward in the second.
NIGHTS = [("2026-04-03T00:00+11:00", 5), ("2026-10-02T00:00+10:00", 5), ("2028-02-27T00:00+11:00", 4)]


def play(start: str, days: int, *names: str) -> list[str]:
    """Run these entries for so many days; the local moments at which their tasks began."""
    with Bench(app, start=start) as bench:
        bench.beat(only=names)
        bench.advance(days=days)
        assert {run.state for run in bench.runs()} == {"SUCCESS"}
        return [f"{run.started_at.astimezone(zone()):%Y-%m-%d %H:%M}" for run in bench.runs()]


def hours_by_day(moments: list[str]) -> dict[str, int]:
    return dict(Counter(moment[:10] for moment in moments))


@pytest.mark.parametrize(("start", "days"), NIGHTS)
@pytest.mark.parametrize(("name", "hour"), DAILY.items())
def test_what_is_daily_runs_once_on_each_day_at_its_hour(name: str, hour: str, start: str, days: int) -> None:
    first = date.fromisoformat(start[:10])
    assert play(start, days, name)[:days] == [f"{first + timedelta(days=day)} {hour}" for day in range(days)]


@pytest.mark.parametrize(
    ("start", "mondays"),
    [
        ("2026-03-27T00:00+11:00", ["2026-03-30", "2026-04-06", "2026-04-13"]),
        ("2026-09-25T00:00+10:00", ["2026-09-28", "2026-10-05", "2026-10-12"]),
        ("2026-12-25T00:00+11:00", ["2026-12-28", "2027-01-04", "2027-01-11"]),
    ],
)
@pytest.mark.parametrize(("name", "hour"), [("generate-weekly-report", "06:00"), ("send-weekly-digest", "09:00")])
def test_what_is_weekly_runs_on_mondays(name: str, hour: str, start: str, mondays: list[str]) -> None:
    assert play(start, 20, name) == [f"{day} {hour}" for day in mondays]


@pytest.mark.parametrize(
    ("start", "days", "firsts"),
    [
        ("2026-01-31T12:00+11:00", 62, ["2026-02-01", "2026-03-01", "2026-04-01"]),
        ("2028-02-29T12:00+11:00", 32, ["2028-03-01", "2028-04-01"]),
        ("2026-09-30T12:00+10:00", 33, ["2026-10-01", "2026-11-01"]),
        ("2026-12-31T12:00+11:00", 2, ["2027-01-01"]),
    ],
)
def test_what_is_monthly_runs_on_the_first(start: str, days: int, firsts: list[str]) -> None:
    assert play(start, days, "run-monthly-compliance-check") == [f"{day} 06:00" for day in firsts]


def test_what_is_hourly_leaves_out_the_hour_that_is_not_there_and_the_one_that_comes_twice() -> None:
    assert hours_by_day(play("2026-10-03T00:00+10:00", 3, "check-due-reminders")) == {
        "2026-10-03": 24,
        "2026-10-04": 23,
        "2026-10-05": 24,
        "2026-10-06": 1,
    }
    assert hours_by_day(play("2026-04-04T00:00+11:00", 3, "check-due-reminders")) == {
        "2026-04-04": 24,
        "2026-04-05": 24,
        "2026-04-06": 23,
    }


def test_all_entries_of_the_schedule_run_and_succeed() -> None:
    with Bench(app, start="2026-06-01T03:59+10:00") as bench:  # a Monday, and the first of a month
        bench.beat()
        bench.advance(hours=6, minutes=5)
        runs = Counter(run.task for run in bench.runs())
        assert set(runs) == {entry["task"] for entry in SCHEDULE.values()} | {"celery.backend_cleanup"}
        assert {run.state for run in bench.runs()} == {"SUCCESS"}
        assert runs["applications.tasks.check_note_reminders"] == 25
        assert {count for name, count in runs.items() if name.startswith("reports.")} == {1}


@time_machine.travel("2026-04-05T07:00:00+10:00", tick=False)
def test_daily_repayment_reminders() -> None:
    application = ApplicationFactory(borrowers=[BorrowerFactory(email="bo@example.com")], stage="funded")
    RepaymentFactory(application=application, due_date=today() + timedelta(days=7))
    with patch("applications.tasks.send_mail") as send:
        assert check_repayment_reminders()["sent"] == 1
    assert send.call_args[1]["recipient_list"] == ["bo@example.com"]
    assert send.call_args[1]["subject"] == "Upcoming Repayment Reminder"


@pytest.mark.parametrize(
    ("moment", "task", "period"),
    [
        ("2026-04-06T06:00:00+10:00", generate_weekly_report, ("2026-03-30", "2026-04-05")),
        ("2026-10-05T06:00:00+11:00", generate_weekly_report, ("2026-09-28", "2026-10-04")),
        ("2026-04-01T06:00:00+11:00", run_monthly_compliance_check, ("2026-03-01", "2026-03-31")),
        ("2028-03-01T06:00:00+11:00", run_monthly_compliance_check, ("2028-02-01", "2028-02-29")),
        ("2026-01-01T06:00:00+11:00", run_monthly_compliance_check, ("2025-12-01", "2025-12-31")),
        # In Sydney it is the first already, in UTC still the last.
        ("2026-06-30T20:00:00Z", run_monthly_compliance_check, ("2026-06-01", "2026-06-30")),
    ],
)
def test_report_of_the_period_before(moment: str, task: Any, period: tuple[str, str]) -> None:
    AdminFactory(email="boss@example.com")
    with time_machine.travel(moment, tick=False), patch("reports.tasks.send_email") as send:
        assert task() == {"checked": 1, "sent": 1, "skipped": 0, "failed": 0}
    report = Report.objects.get()
    assert (f"{report.period_start}", f"{report.period_end}") == period
    assert send.call_args[1]["recipient_list"] == ["boss@example.com"]
