"""A task is sent, runs, and its result comes back."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

from celery import Celery

from coldframe import Bench


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
        time.sleep(30)
        return "done"

    with Bench(app) as bench:
        before = bench.now
        assert slow.delay().get() == "done"
        assert bench.now - before == timedelta(seconds=30)
