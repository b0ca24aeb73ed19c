"""The tasks are there by their names, the schedule sends them at the office's hours, and what fails is sent again."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from celery.schedules import crontab
from coldframe import Bench

from applications.tasks import check_repayment_reminders
from core.clock import today, zone
from crm_backend.beat import SCHEDULE
from crm_backend.celery import app
from tests.factories import ApplicationFactory, BorrowerFactory, RepaymentFactory
from tests.mailbox import Mailbox

pytestmark = [pytest.mark.task, pytest.mark.django_db]

SWEEPS = ["check_stale_applications", "check_note_reminders", "check_repayment_reminders"]


@pytest.mark.parametrize("name", SWEEPS)
def test_the_task_is_registered_by_its_name(name: str) -> None:
    assert app.tasks[f"applications.tasks.{name}"].name == f"applications.tasks.{name}"


@pytest.mark.parametrize("name", SWEEPS)
def test_the_schedule_has_an_entry_for_it(name: str) -> None:
    entry = app.conf.beat_schedule[name.replace("_", "-")]
    assert entry["task"] == f"applications.tasks.{name}"
    assert isinstance(entry["schedule"], crontab)


@pytest.mark.coldframe(beat=True, start="2026-03-16T06:00+11:00", undrained="allow")
def test_a_morning_runs_the_sweeps_at_their_hours(coldframe: Bench) -> None:
    coldframe.run_until("2026-03-16T10:05+11:00")
    runs = coldframe.runs()
    started = {
        run.task.rpartition(".")[2]: f"{run.started_at.astimezone(zone()):%H:%M}"
        for run in runs
        if run.task.startswith("applications.tasks.") and "pick_up" not in run.task and "note" not in run.task
    }
    assert started == {
        "check_repayment_reminders": "07:00",
        "check_active_loans": "07:30",
        "send_daily_digest": "08:30",
        "check_stale_applications": "09:00",
        "send_weekly_digest": "09:00",
        "check_stagnant_applications": "10:00",
    }
    notes = [run.started_at.astimezone(zone()).minute for run in runs if run.task.endswith("check_note_reminders")]
    assert notes == [15, 30, 45, 0] * 4
    assert {run.state for run in runs} == {"SUCCESS"}


@pytest.mark.parametrize(
    ("start", "utc_hours"),
    [("2026-04-04T00:00+11:00", [20, 21, 21]), ("2026-10-03T00:00+10:00", [21, 20, 20])],
)
def test_seven_o_clock_is_the_office_s_seven_o_clock_on_both_sides_of_a_change(
    start: str, utc_hours: list[int]
) -> None:
    schedule = SCHEDULE["check-repayment-reminders"]["schedule"]
    day = datetime.fromisoformat(start).astimezone(zone())
    with Bench(app, start=start, unread="collect") as bench:
        app.conf.beat_schedule = {"only": {"task": check_repayment_reminders.name, "schedule": schedule}}
        try:
            bench.beat()
            bench.advance(days=3)
        finally:
            app.conf.beat_schedule = SCHEDULE
        runs = bench.runs(check_repayment_reminders)
    assert [run.started_at.hour for run in runs] == utc_hours
    local = [run.started_at.astimezone(zone()) for run in runs]
    assert [(f"{moment:%H:%M}", moment.date()) for moment in local] == [
        ("07:00", day.date() + timedelta(days=days)) for days in range(3)
    ]


@pytest.mark.coldframe(start="2026-03-16T07:00+11:00")
def test_what_the_mail_server_did_not_take_is_tried_again_a_little_later(coldframe: Bench, mailbox: Mailbox) -> None:
    RepaymentFactory(application=ApplicationFactory(borrowers=[BorrowerFactory()]), due_date=today())
    mailbox.down = True
    result = check_repayment_reminders.delay()
    coldframe.settle()
    assert [run.state for run in coldframe.runs(check_repayment_reminders)] == ["RETRY"]
    mailbox.down = False
    coldframe.advance(minutes=1)
    assert [run.state for run in coldframe.runs(check_repayment_reminders)] == ["RETRY", "SUCCESS"]
    assert result.get() == {"checked": 1, "sent": 1, "skipped": 0, "failed": 0}
