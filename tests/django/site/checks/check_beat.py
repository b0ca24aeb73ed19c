"""django-celery-beat's scheduler keeps its entries in the database."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import transaction
from django_celery_beat.models import (
    ClockedSchedule,
    CrontabSchedule,
    IntervalSchedule,
    PeriodicTask,
    PeriodicTasks,
)
from shop import app
from shop.tasks import disable, slow

from coldframe import Bench
from coldframe.errors import SetupError
from coldframe.trace import BeatSent

pytestmark = pytest.mark.django_db
START = "2026-03-28T09:00+00:00"
SCHEDULER = "django_celery_beat.schedulers:DatabaseScheduler"


def every(number, period=IntervalSchedule.SECONDS, **fields):
    interval, _ = IntervalSchedule.objects.get_or_create(every=number, period=period)
    fields = {"name": f"every {number} {period}", "task": "shop.tasks.moment", **fields}
    return PeriodicTask.objects.create(interval=interval, **fields)


def at(hour, minute=0, *, zone="UTC", **fields):
    crontab, _ = CrontabSchedule.objects.get_or_create(hour=hour, minute=minute, timezone=ZoneInfo(zone))
    return PeriodicTask.objects.create(crontab=crontab, task="shop.tasks.moment", **fields)


def sent(bench, name):
    return [event.when for event in bench.trace if isinstance(event, BeatSent) and event.entry == name]


def test_an_interval_entry_is_sent_in_time_and_the_run_is_written_down():
    entry = every(10)
    with Bench(app, start=START) as bench:
        bench.beat(scheduler=SCHEDULER)
        bench.advance(seconds=25)
        begin = datetime(2026, 3, 28, 9, tzinfo=UTC)
        assert sent(bench, entry.name) == [begin + timedelta(seconds=10), begin + timedelta(seconds=20)]
        bench.advance(minutes=10)
        entry.refresh_from_db()
        # Celery writes it down every three minutes.
        assert entry.last_run_at in sent(bench, entry.name)[-20:]
        bench.assert_ran("moment", times=62)


def test_a_run_is_written_down_although_nothing_else_is_due():
    entry = every(1, IntervalSchedule.DAYS)
    with Bench(app, start=START) as bench:
        bench.beat(scheduler=SCHEDULER)
        bench.advance(days=1, minutes=4)
        entry.refresh_from_db()
        assert [entry.last_run_at] == sent(bench, entry.name)


def test_a_crontab_entry_keeps_its_time_zone_through_the_change_of_clocks():
    at(15, 30, zone="Europe/Berlin", name="berlin")
    at(3, 15, zone="Asia/Kolkata", name="kolkata")
    with Bench(app, start=START) as bench:
        bench.beat(scheduler="django")
        bench.advance(days=2)
        assert sent(bench, "berlin") == [
            datetime(2026, 3, 28, 14, 30, tzinfo=UTC),
            datetime(2026, 3, 29, 13, 30, tzinfo=UTC),
        ]
        assert sent(bench, "kolkata") == [
            datetime(2026, 3, 28, 21, 45, tzinfo=UTC),
            datetime(2026, 3, 29, 21, 45, tzinfo=UTC),
        ]


def test_a_clocked_entry_is_sent_once_and_then_disabled():
    due = datetime(2026, 3, 28, 20, 0, tzinfo=UTC)
    entry = PeriodicTask.objects.create(
        clocked=ClockedSchedule.objects.create(clocked_time=due), one_off=True, name="once", task="shop.tasks.moment"
    )
    with Bench(app, start=START) as bench:
        bench.beat(scheduler=SCHEDULER)
        bench.advance(days=2)
        assert sent(bench, "once") == [due]
        entry.refresh_from_db()
        assert entry.enabled is False


def test_a_disabled_entry_is_not_sent_until_it_is_enabled():
    entry = every(10, enabled=False)
    with Bench(app, start=START) as bench:
        bench.beat(scheduler=SCHEDULER)
        bench.advance(minutes=1)
        assert sent(bench, entry.name) == []
        entry.enabled = True
        entry.save()
        bench.advance(seconds=20)
        assert len(sent(bench, entry.name)) >= 1


def test_a_change_by_the_test_is_noticed_within_five_seconds():
    every(1, IntervalSchedule.DAYS, name="daily")
    with Bench(app, start=START) as bench:
        bench.beat(scheduler=SCHEDULER)
        bench.advance(hours=3)
        entry = every(7, name="new")
        bench.advance(seconds=12)
        assert len(sent(bench, "new")) == 1
        entry.delete()
        bench.advance(seconds=5)
        bench.advance(minutes=5)
        assert len(sent(bench, "new")) <= 2


def test_a_change_by_a_task_that_goes_on_is_noticed_too():
    entry = every(30)
    with Bench(app, start=START) as bench:
        bench.beat(scheduler=SCHEDULER)
        bench.advance(seconds=31)
        disable.delay(entry.name)
        bench.advance(minutes=30)
        assert len(sent(bench, entry.name)) == 1


def test_a_silent_update_is_noticed_when_everything_is_read_again():
    entry = every(1, IntervalSchedule.HOURS)
    with Bench(app, start=START) as bench:
        bench.beat(scheduler=SCHEDULER)
        bench.advance(minutes=50)
        PeriodicTask.objects.filter(pk=entry.pk).update(enabled=False)
        bench.advance(hours=3)
        assert sent(bench, entry.name) == []
        PeriodicTask.objects.filter(pk=entry.pk).update(enabled=True)
        PeriodicTasks.update_changed()
        bench.advance(hours=1, seconds=5)
        assert len(sent(bench, entry.name)) >= 1


def test_beat_is_on_time_while_a_task_holds_a_transaction():
    entry = every(10)
    with Bench(app, start=START) as bench:
        bench.beat(scheduler=SCHEDULER)
        bench.settle()
        slow.delay("a", seconds=95)
        bench.advance(seconds=99)
        assert len(sent(bench, entry.name)) == 9


def test_the_apps_own_schedule_is_written_to_the_database(settings):
    app.conf.beat_schedule = {"from the app": {"task": "shop.tasks.moment", "schedule": 60.0}}
    app.conf.beat_scheduler = SCHEDULER
    try:
        with Bench(app, start=START) as bench:
            bench.beat()
            bench.advance(minutes=3)
            assert len(sent(bench, "from the app")) == 3
            assert PeriodicTask.objects.get(name="from the app").interval.every == 60
    finally:
        app.conf.changes.pop("beat_schedule")
        app.conf.changes.pop("beat_scheduler")


def test_thirty_days_take_little_time():
    every(2, IntervalSchedule.HOURS)
    for hour in range(0, 24, 3):
        at(hour, 30, name=f"at {hour}")
    at(2, 30, zone="America/New_York", name="new york")
    with Bench(app, start=START) as bench:
        bench.beat(scheduler=SCHEDULER)
        began = time.thread_time()
        bench.advance(days=30)
        assert time.thread_time() - began < 10
        assert len(sent(bench, "every 2 hours")) == 30 * 12
        assert len(sent(bench, "at 3")) == 30
        assert len(sent(bench, "new york")) == 30


def test_an_entry_of_a_transaction_that_is_rolled_back_is_not_kept():
    with Bench(app, start=START) as bench:
        bench.beat(scheduler=SCHEDULER)
        bench.settle()
        with pytest.raises(RuntimeError, match="undone"), transaction.atomic():
            every(60, name="undone")
            bench.advance(seconds=10)
            raise RuntimeError("undone")
        bench.advance(hours=1)
        assert sent(bench, "undone") == []


def test_only_the_entries_that_were_asked_for():
    wanted, other = every(10), every(20)
    with Bench(app, start=START) as bench:
        bench.beat(scheduler=SCHEDULER, only=[wanted.name])
        bench.advance(minutes=1)
        assert (len(sent(bench, wanted.name)), len(sent(bench, other.name))) == (6, 0)


def test_an_entry_that_is_not_enabled_is_told_as_missing():
    every(10)
    every(20, enabled=False)
    with pytest.raises(SetupError, match=r"no entry of that name\s+hint: did you mean"), Bench(app) as bench:
        bench.beat(scheduler=SCHEDULER, only=["every 20 seconds"])
        bench.advance(minutes=1)
