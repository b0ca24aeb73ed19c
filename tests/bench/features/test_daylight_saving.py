"""Schedules over the nights in which the clocks change, compared with what Celery's schedules say day by day."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from celery import Celery
from celery.schedules import crontab

from coldframe import Bench

#: The nights in which the clocks change in 2026, in each zone.
CHANGES = {
    "Europe/Berlin": ["2026-03-29", "2026-10-25"],
    "America/New_York": ["2026-03-08", "2026-11-01"],
    "Australia/Sydney": ["2026-04-05", "2026-10-04"],
}
NIGHTS = [(zone, day) for zone, days in CHANGES.items() for day in days]
#: A crontab remembers the time zone of the first app that used it, so each app gets its own.
SCHEDULES: dict[str, dict[str, Any]] = {
    "midnight": {"hour": 0, "minute": 0},
    "half past two": {"hour": 2, "minute": 30},
    "every three hours": {"hour": "*/3", "minute": 0},
    "noon": {"hour": 12, "minute": 0},
}


def by_hand(app: Celery, name: str, start: datetime, end: datetime) -> list[datetime]:
    """When an entry is due, asked of Celery's schedule alone, at the moments that it names."""
    now = start
    entry = crontab(**SCHEDULES[name], nowfun=lambda: now.astimezone(app.timezone), app=app)
    last_run_at = now.astimezone(app.timezone)
    moments = []
    while now <= end:
        due, left = entry.is_due(last_run_at)
        if due:
            moments.append(now)
            last_run_at = now.astimezone(app.timezone)
        now += timedelta(seconds=left)
    return moments


@pytest.mark.parametrize("enable_utc", [True, False])
@pytest.mark.parametrize(("zone", "night"), NIGHTS)
def test_crontabs_over_the_change_of_clocks(app: Celery, zone: str, night: str, enable_utc: bool) -> None:
    app.conf.update(timezone=zone, enable_utc=enable_utc)

    @app.task(name="shop.ping")
    def ping(name: str) -> None: ...

    app.conf.beat_schedule = {
        name: {"task": "shop.ping", "schedule": crontab(**fields), "args": (name,)}
        for name, fields in SCHEDULES.items()
    }
    start = datetime.fromisoformat(f"{night}T12:00").replace(tzinfo=ZoneInfo(zone)) - timedelta(days=1)
    with Bench(app, start=start.astimezone(UTC)) as bench:
        bench.beat()
        bench.advance(days=2)
        seen: dict[str, list[datetime]] = {name: [] for name in SCHEDULES}
        for event in bench.trace:
            if type(event).__name__ == "BeatSent":
                seen[event.entry].append(event.when)
        expected = {name: by_hand(app, name, start.astimezone(UTC), bench.now) for name in SCHEDULES}
    assert seen == expected
    local = {
        name: [f"{when.astimezone(ZoneInfo(zone)):%d %H:%M}" for when in moments] for name, moments in seen.items()
    }
    day = f"{night[-2:]}"
    assert f"{day} 00:00" in local["midnight"]
    assert f"{day} 12:00" in local["noon"]


@pytest.mark.parametrize(
    ("zone", "start", "expected"),
    [
        ("Europe/Berlin", "2026-03-28T00:00+01:00", ["28 02:30 CET", "29 03:30 CEST", "30 02:30 CEST"]),
        ("Europe/Berlin", "2026-10-24T00:00+02:00", ["24 02:30 CEST", "25 02:30 CEST", "26 02:30 CET"]),
        ("America/New_York", "2026-03-07T00:00-05:00", ["07 02:30 EST", "08 03:30 EDT", "09 02:30 EDT"]),
        ("America/New_York", "2026-10-31T00:00-04:00", ["31 02:30 EDT", "01 02:30 EST", "02 02:30 EST"]),
    ],
)
def test_half_past_two_where_there_may_be_none_or_two(app: Celery, zone: str, start: str, expected: list[str]) -> None:
    app.conf.timezone = zone
    app.conf.beat_schedule = {"night": {"task": "shop.ping", "schedule": crontab(hour=2, minute=30)}}

    @app.task(name="shop.ping")
    def ping() -> None: ...

    with Bench(app, start=start) as bench:
        bench.beat()
        bench.advance(days=3)
        moments = [event.when for event in bench.trace if type(event).__name__ == "BeatSent"]
        assert [f"{when.astimezone(ZoneInfo(zone)):%d %H:%M %Z}" for when in moments] == expected


def test_an_interval_does_not_care_for_clocks(app: Celery) -> None:
    app.conf.timezone = "Europe/Berlin"
    app.conf.beat_schedule = {"often": {"task": "shop.ping", "schedule": timedelta(hours=6)}}

    @app.task(name="shop.ping")
    def ping() -> Any: ...

    with Bench(app, start="2026-03-28T18:00+01:00") as bench:
        begun = bench.now
        bench.beat()
        bench.advance(hours=24)
        moments = [event.when - begun for event in bench.trace if type(event).__name__ == "BeatSent"]
        assert moments == [timedelta(hours=hours) for hours in (6, 12, 18, 24)]
