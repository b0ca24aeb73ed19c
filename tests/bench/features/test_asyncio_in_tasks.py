"""Tasks that run an asyncio loop, in virtual time."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
from celery import Celery
from celery.exceptions import SoftTimeLimitExceeded

from coldframe import Bench


def test_an_hour_of_asyncio_takes_no_time(app: Celery) -> None:
    async def work() -> float:
        before = asyncio.get_running_loop().time()
        await asyncio.sleep(3600)
        return asyncio.get_running_loop().time() - before

    @app.task(name="shop.work")
    def run_it() -> float:
        return asyncio.run(work())

    with Bench(app) as bench:
        assert run_it.delay().get() == pytest.approx(3600)
        assert bench.runs("work")[0].runtime.total_seconds() == pytest.approx(3600, abs=0.001)


def test_coroutines_of_one_task_share_its_time(app: Celery) -> None:
    async def work() -> list[int]:
        async def wait(seconds: int) -> int:
            await asyncio.sleep(seconds)
            return seconds

        return await asyncio.gather(wait(30), wait(10), wait(20))

    @app.task(name="shop.work")
    def run_it() -> list[int]:
        return asyncio.run(work())

    with Bench(app) as bench:
        assert run_it.delay().get() == [30, 10, 20]
        assert bench.runs("work")[0].runtime.total_seconds() == pytest.approx(30, abs=0.001)


def test_two_tasks_with_loops_run_at_once(app: Celery) -> None:
    @app.task(name="shop.work")
    def run_it(seconds: int) -> None:
        asyncio.run(asyncio.sleep(seconds))

    with Bench(app) as bench:
        begun = bench.now
        for seconds in (100, 60, 80):
            run_it.delay(seconds)
        bench.drain()
        ends = [round((run.finished_at - begun).total_seconds(), 3) for run in bench.runs() if run.finished_at]
        assert sorted(ends) == [60, 80, 100]


def test_a_timeout_of_asyncio(app: Celery) -> None:
    async def work() -> str:
        try:
            async with asyncio.timeout(5):
                await asyncio.sleep(60)
        except TimeoutError:
            return "too late"
        return "in time"

    @app.task(name="shop.work")
    def run_it() -> str:
        return asyncio.run(work())

    with Bench(app) as bench:
        assert run_it.delay().get() == "too late"
        assert bench.runs("work")[0].runtime.total_seconds() == pytest.approx(5, abs=0.001)


def test_a_soft_time_limit_reaches_into_the_loop(app: Celery) -> None:
    notes: list[str] = []

    async def work() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            notes.append("cleaned up")

    @app.task(name="shop.work", soft_time_limit=7)
    def run_it() -> None:
        asyncio.run(work())

    with Bench(app, failures="collect") as bench:
        run_it.delay()
        bench.drain()
        (run,) = bench.runs("work")
        assert isinstance(run.exception, SoftTimeLimitExceeded)
        assert run.runtime.total_seconds() == pytest.approx(7, abs=0.001)
        assert notes == ["cleaned up"]
        asyncio.run(asyncio.sleep(1))  # the test may have a loop of its own


def test_a_thread_of_a_loop_may_block(app: Celery) -> None:
    async def work() -> int:
        return await asyncio.to_thread(sum, [1, 2, 3])

    @app.task(name="shop.work")
    def run_it() -> int:
        return asyncio.run(work())

    with Bench(app):
        assert run_it.delay().get() == 6


def test_sending_from_a_coroutine(app: Celery) -> None:
    @app.task(name="shop.ping")
    def ping() -> str:
        time.sleep(1)
        return "pong"

    async def work() -> Any:
        result = ping.delay()
        await asyncio.sleep(10)
        return result.state

    @app.task(name="shop.work")
    def run_it() -> Any:
        return asyncio.run(work())

    with Bench(app):
        assert run_it.delay().get() == "SUCCESS"
