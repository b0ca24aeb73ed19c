"""ETA, countdown and expiry, to the second."""

# ruff: noqa: TID251 - tasks on an open bench sleep in virtual time
from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from celery import Celery
from celery.exceptions import TaskRevokedError

from coldframe import Bench, RabbitMQ

PROFILES = ["rabbitmq", "redis"]
PATIENT = RabbitMQ(consumer_timeout=None)
START = "2026-03-28T12:00+00:00"


@pytest.fixture
def ping(app: Celery) -> Any:
    @app.task(name="shop.ping")
    def ping() -> str:
        return "pong"

    return ping


def started(bench: Bench) -> list[str]:
    return [f"{run.started_at:%d %H:%M:%S}" for run in bench.runs("ping") if run.started_at]


@pytest.mark.parametrize("profile", PROFILES)
def test_a_countdown_is_met_to_the_second(app: Celery, ping: Any, profile: str) -> None:
    with Bench(app, start=START, profile=profile) as bench:
        ping.apply_async(countdown=90)
        bench.settle()
        bench.assert_queued("ping", eta=timedelta(seconds=90))
        bench.advance(seconds=89)
        assert started(bench) == []
        bench.advance(seconds=1)
        assert started(bench) == ["28 12:01:30"]


@pytest.mark.parametrize(
    "eta",
    [
        datetime(2026, 3, 28, 14, 0, tzinfo=UTC),
        datetime(2026, 3, 28, 16, 0, tzinfo=timezone(timedelta(hours=2))),
        datetime(2026, 3, 28, 10, 0, tzinfo=ZoneInfo("America/New_York")),
    ],
)
def test_an_aware_moment_means_the_same_everywhere(app: Celery, ping: Any, eta: datetime) -> None:
    with Bench(app, start=START, profile=PATIENT) as bench:
        ping.apply_async(eta=eta)
        bench.drain()
        assert started(bench) == ["28 14:00:00"]


@pytest.mark.parametrize("enable_utc", [True, False])
@pytest.mark.parametrize("zone", [None, "Europe/Berlin", "Australia/Sydney"])
def test_celery_takes_a_naive_moment_for_utc_whatever_the_app_says(
    app: Celery, ping: Any, zone: str | None, enable_utc: bool
) -> None:
    app.conf.update(enable_utc=enable_utc, timezone=zone)
    with Bench(app, start=START, profile=PATIENT) as bench:
        ping.apply_async(eta=datetime(2026, 3, 28, 14, 0))
        bench.drain()
        assert started(bench) == ["28 14:00:00"]


@pytest.mark.parametrize("enable_utc", [True, False])
@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Australia/Sydney"])
def test_a_countdown_over_the_change_of_clocks(app: Celery, ping: Any, enable_utc: bool, zone: str) -> None:
    app.conf.update(enable_utc=enable_utc, timezone=zone)
    for start in ("2026-03-07T20:00+00:00", "2026-03-28T20:00+00:00", "2026-04-04T10:00+00:00"):
        with Bench(app, start=start, profile=PATIENT) as bench:
            begun = bench.now
            ping.apply_async(countdown=12 * 3600)
            bench.drain()
            assert bench.now - begun == timedelta(hours=12)


def test_a_moment_in_the_past_is_due_at_once(app: Celery, ping: Any) -> None:
    with Bench(app, start=START) as bench:
        ping.apply_async(eta=bench.now - timedelta(days=1))
        bench.settle()
        assert started(bench) == ["28 12:00:00"]


def test_microseconds_count(app: Celery, ping: Any) -> None:
    with Bench(app, start=START) as bench:
        begun = bench.now
        ping.apply_async(eta=begun + timedelta(microseconds=1_500_001))
        bench.drain()
        assert bench.runs("ping")[0].started_at == begun + timedelta(microseconds=1_500_001)


@pytest.mark.parametrize("expires", [60, timedelta(seconds=60)])
def test_a_node_on_redis_does_not_run_what_is_too_late(app: Celery, ping: Any, expires: Any) -> None:
    with Bench(app, start=START, profile="redis") as bench:
        if isinstance(expires, timedelta):
            expires = bench.now + expires
        bench.node("other", queues=["other"])
        result = ping.apply_async(expires=expires)
        bench.advance(seconds=61)
        bench.node()
        bench.drain()
        with pytest.raises(TaskRevokedError, match="expired"):
            result.get()
        assert result.state == "REVOKED"
        assert [run.state for run in bench.runs("ping")] == ["EXPIRED"]


def test_rabbitmq_drops_a_message_that_is_too_late(app: Celery, ping: Any) -> None:
    with Bench(app, start=START, profile="rabbitmq") as bench:
        bench.node("other", queues=["other"])
        result = ping.apply_async(expires=60)
        bench.advance(seconds=61)
        bench.node()
        bench.drain()
        assert result.state == "PENDING"
        assert bench.runs("ping") == []


def test_a_message_in_time_runs(app: Celery, ping: Any) -> None:
    with Bench(app, start=START) as bench:
        bench.node("other", queues=["other"])
        ping.apply_async(expires=60)
        bench.advance(seconds=59)
        bench.node()
        bench.drain()
        assert started(bench) == ["28 12:00:59"]


def test_a_due_time_after_the_expiry_is_seen_when_it_is_due(app: Celery, ping: Any) -> None:
    with Bench(app, start=START) as bench:
        result = ping.apply_async(countdown=60, expires=30)
        bench.drain()
        assert result.state == "REVOKED"
        assert [(run.state, f"{run.finished_at:%H:%M:%S}") for run in bench.runs("ping")] == [("EXPIRED", "12:01:00")]


def test_a_task_that_waits_too_long_for_a_free_process_is_dropped(app: Celery) -> None:
    import time

    @app.task(name="shop.nap")
    def nap(seconds: int) -> None:
        time.sleep(seconds)

    with Bench(app, start=START) as bench:
        bench.node(concurrency=1)
        nap.delay(100)
        late = nap.apply_async((1,), expires=60)
        bench.drain()
        assert [run.state for run in bench.runs("nap")] == ["SUCCESS", "EXPIRED"]
        assert late.state == "REVOKED"
