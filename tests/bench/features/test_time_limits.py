"""Soft and hard time limits, in virtual time."""

# ruff: noqa: TID251 - tasks on an open bench sleep in virtual time
from __future__ import annotations

import time
from typing import Any

import pytest
from billiard.exceptions import TimeLimitExceeded
from celery import Celery
from celery.exceptions import SoftTimeLimitExceeded

from coldframe import Bench

PROFILES = ["rabbitmq", "redis"]


def lasted(bench: Bench) -> list[tuple[str, float]]:
    return [(run.state, run.runtime.total_seconds()) for run in bench.runs() if run.runtime is not None]


@pytest.mark.parametrize("profile", PROFILES)
def test_a_soft_limit_raises_in_the_task(app: Celery, profile: str) -> None:
    @app.task(name="shop.nap", soft_time_limit=20)
    def nap() -> None:
        time.sleep(100)

    with Bench(app, profile=profile) as bench:
        with pytest.raises(SoftTimeLimitExceeded, match=r"SoftTimeLimitExceeded\(\)"):
            nap.delay().get()
        assert lasted(bench) == [("FAILURE", 20.0)]


def test_a_task_may_catch_the_soft_limit(app: Celery) -> None:
    @app.task(name="shop.nap", soft_time_limit=20, time_limit=40)
    def nap() -> str:
        try:
            time.sleep(100)
        except SoftTimeLimitExceeded:
            time.sleep(19)
        return "in time"

    with Bench(app) as bench:
        assert nap.delay().get() == "in time"
        assert lasted(bench) == [("SUCCESS", 39.0)]


def test_the_hard_limit_ends_what_caught_the_soft_one(app: Celery) -> None:
    notes: list[str] = []

    @app.task(name="shop.nap", soft_time_limit=20, time_limit=40)
    def nap() -> None:
        try:
            time.sleep(100)
        except SoftTimeLimitExceeded:
            notes.append("soft")
            try:
                time.sleep(100)
            finally:
                notes.append("finally")  # billiard sends SIGTERM before SIGKILL

    with Bench(app) as bench:
        with pytest.raises(TimeLimitExceeded, match=r"TimeLimitExceeded\(40"):
            nap.delay().get()
        assert lasted(bench) == [("FAILURE", 40.0)]
        assert notes == ["soft", "finally"]


def test_a_hard_limit_needs_no_soft_one(app: Celery) -> None:
    @app.task(name="shop.nap", time_limit=7.5)
    def nap(seconds: float) -> str:
        time.sleep(seconds)
        return "slept"

    with Bench(app) as bench:
        with pytest.raises(TimeLimitExceeded, match=r"7\.5"):
            nap.delay(8).get()
        assert nap.delay(7).get() == "slept"
        assert lasted(bench) == [("FAILURE", 7.5), ("SUCCESS", 7.0)]


def test_limits_of_the_call_and_of_the_app(app: Celery) -> None:
    app.conf.update(task_time_limit=50, task_soft_time_limit=30)

    @app.task(name="shop.nap")
    def nap(seconds: float) -> str:
        time.sleep(seconds)
        return "slept"

    with Bench(app, failures="collect") as bench:
        nap.delay(100)
        bench.drain()
        nap.apply_async((100,), soft_time_limit=3)
        bench.drain()
        nap.apply_async((100,), time_limit=5, soft_time_limit=4)
        bench.drain()
        assert lasted(bench) == [("FAILURE", 30.0), ("FAILURE", 3.0), ("FAILURE", 4.0)]


def test_a_task_sees_its_limits(app: Celery) -> None:
    @app.task(name="shop.limits", bind=True, time_limit=40)
    def limits(self: Any) -> Any:
        return self.request.timelimit

    with Bench(app):
        assert limits.apply_async(soft_time_limit=3).get() == [40, 3]


@pytest.mark.parametrize(("acks", "attempts"), [(True, 1), (False, 2)])
def test_a_late_task_beyond_its_limit_is_acknowledged_or_comes_back(app: Celery, acks: bool, attempts: int) -> None:
    @app.task(name="shop.nap", time_limit=10, acks_late=True, acks_on_failure_or_timeout=acks, bind=True)
    def nap(self: Any) -> None:
        if not self.request.delivery_info.get("redelivered"):
            time.sleep(100)

    with Bench(app, failures="collect") as bench:
        nap.delay()
        bench.drain()
        assert len(bench.runs("nap")) == attempts


@pytest.mark.parametrize("pool", ["threads", "solo"])
def test_other_pools_enforce_no_limits(app: Celery, pool: str) -> None:
    @app.task(name="shop.nap", time_limit=10, soft_time_limit=5)
    def nap() -> str:
        time.sleep(100)
        return "slept"

    with Bench(app) as bench:
        bench.node(pool=pool)
        assert nap.delay().get() == "slept"


def test_the_signals_and_handlers_of_a_timeout(app: Celery) -> None:
    from celery import Task
    from celery.worker.request import Request

    seen: list[Any] = []

    class Noting(Request):
        def on_timeout(self, soft: bool, timeout: float) -> None:
            seen.append(("request", soft, timeout))
            super().on_timeout(soft, timeout)

    class Mine(Task):  # type: ignore[type-arg]
        Request = Noting

        def on_failure(self, exc: BaseException, *rest: Any) -> None:
            seen.append(("task", repr(exc)))

    @app.task(name="shop.nap", base=Mine, soft_time_limit=5, time_limit=10)
    def nap() -> None:
        try:
            time.sleep(100)
        except SoftTimeLimitExceeded:
            time.sleep(100)

    with Bench(app, failures="collect") as bench:
        result = nap.delay()
        bench.drain()
        assert seen == [("request", True, 5), ("request", False, 10), ("task", "TimeLimitExceeded(10)")]
        assert repr(result.result) == "TimeLimitExceeded(10)"


def test_a_limit_counts_from_the_start_not_from_the_sending(app: Celery) -> None:
    @app.task(name="shop.nap", time_limit=10)
    def nap() -> str:
        time.sleep(9)
        return "slept"

    with Bench(app) as bench:
        bench.node(concurrency=1)
        results = [nap.delay() for _ in range(3)]
        assert [result.get() for result in results] == ["slept"] * 3
        assert (bench.now - bench.runs()[0].started_at).total_seconds() == 27
