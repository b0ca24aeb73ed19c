"""A task is sent, runs, and its result comes back."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest
from celery import Celery

from coldframe import Bench, UnreadQueue


def test_a_task_runs_when_the_bench_settles_and_time_stands_still(app: Celery) -> None:
    @app.task(name="shop.add")
    def add(x: int, y: int) -> int:
        return x + y

    with Bench(app, start="2026-03-29T00:00+01:00") as bench:
        result = add.delay(2, 3)
        tally = bench.settle()
        assert tally.succeeded == 1
        assert result.get() == 5
        assert bench.now == datetime(2026, 3, 28, 23, 0, tzinfo=UTC)


def test_waiting_for_a_result_drives_the_bench(app: Celery) -> None:
    @app.task(name="shop.slow")
    def slow() -> str:
        time.sleep(30)  # noqa: TID251 - virtual
        return "done"

    with Bench(app) as bench:
        before = bench.now
        assert slow.delay().get() == "done"
        assert bench.now - before == timedelta(seconds=30)


def test_a_task_that_is_revoked_first_of_all_does_not_run(app: Celery) -> None:
    @app.task(name="shop.later")
    def later() -> str:
        return "ran"

    with Bench(app) as bench:
        result = later.apply_async(countdown=60)
        result.revoke()
        bench.drain()
        assert result.state == "REVOKED"
        assert [run.state for run in bench.runs(later)] == ["REVOKED"]


def test_a_queue_that_nobody_reads_is_told_once(app: Celery) -> None:
    @app.task(name="shop.report")
    def report() -> None:
        """Never runs."""

    with Bench(app) as bench:
        report.apply_async(queue="reports")
        with pytest.raises(UnreadQueue, match=r"1 message waits in queue 'reports', which no node reads: shop\.report"):
            bench.drain()
        bench.drain()
