"""What is stored of a task, for how long, and where."""

# ruff: noqa: TID251 - tasks on an open bench sleep in virtual time
from __future__ import annotations

import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from celery import Celery, group
from celery.exceptions import TimeoutError as CeleryTimeoutError
from celery.result import AsyncResult, GroupResult

from coldframe import Bench

STORES = ["redis://results.internal/3", "rpc://", "cache+memory://", "db+sqlite:///{tmp}/results.db", "file://{tmp}"]


@pytest.fixture(params=STORES, ids=["redis", "rpc", "memory", "sqlite", "file"])
def stored(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    """An app on each kind of result store, and its tasks."""
    app = Celery("store", broker="amqp://broker.internal//", backend=request.param.format(tmp=tmp_path))

    @app.task(name="store.add", shared=False)
    def add(x: int, y: int) -> int:
        time.sleep(x)
        return x + y

    @app.task(name="store.fail", shared=False)
    def fail() -> None:
        raise LookupError("lost", 3)

    yield app
    app.close()


def test_results_and_errors_come_back_from_every_store(stored: Celery) -> None:
    add, fail = stored.tasks["store.add"], stored.tasks["store.fail"]
    with Bench(stored) as bench:
        result = add.delay(2, 3)
        assert (result.ready(), result.state) == (False, "PENDING")
        assert result.get() == 5
        assert (result.ready(), result.successful(), result.state, result.result) == (True, True, "SUCCESS", 5)
        failed = fail.delay()
        with pytest.raises(LookupError, match="lost") as caught:
            failed.get()
        assert caught.value.args == ("lost", 3)
        assert failed.failed()
        assert str(failed.traceback).splitlines()[-1] == "LookupError: ('lost', 3)"
        assert bench.tally().succeeded == 1


def test_a_group_is_waited_for_in_every_store(stored: Celery) -> None:
    add = stored.tasks["store.add"]
    with Bench(stored) as bench:
        begun = bench.now
        result = group(add.s(number, 1) for number in (1, 2, 3)).delay()
        assert result.get() == [2, 3, 4]
        assert (bench.now - begun).total_seconds() == pytest.approx(3, abs=0.6)  # some stores are polled
        assert result.completed_count() == 3


def test_a_wait_that_takes_too_long_ends_in_every_store(stored: Celery) -> None:
    add = stored.tasks["store.add"]
    with Bench(stored) as bench:
        begun = bench.now
        result = add.delay(100, 1)
        with pytest.raises(CeleryTimeoutError, match="timed out"):
            result.get(timeout=10)
        assert (bench.now - begun).total_seconds() == pytest.approx(10, abs=0.6)
        assert result.get() == 101


def test_nothing_is_kept_from_one_bench_to_the_next(stored: Celery) -> None:
    add = stored.tasks["store.add"]
    with Bench(stored):
        first = add.delay(0, 1)
        assert first.get() == 1
    with Bench(stored):
        assert add.AsyncResult("another").state == "PENDING"


def test_started_tells_where_a_task_runs(app: Celery) -> None:
    @app.task(name="shop.nap", track_started=True)
    def nap() -> None:
        time.sleep(10)

    with Bench(app) as bench:
        bench.node("mail")
        result = nap.delay()
        bench.advance(seconds=5)
        assert (result.state, result.info) == ("STARTED", {"pid": 70002, "hostname": "mail@coldframe"})
        result.get()


def test_extended_results_tell_all(app: Celery) -> None:
    app.conf.result_extended = True

    @app.task(name="shop.add")
    def add(x: int, y: int) -> int:
        return x + y

    with Bench(app, start="2026-03-28T12:00+00:00") as bench:
        bench.node("mail", queues=["mail"])
        result = add.apply_async((1,), {"y": 2}, queue="mail")
        result.get()
        told = (result.name, result.args, result.kwargs, result.worker, result.retries, result.queue)
        assert told == ("shop.add", [1], {"y": 2}, "mail@coldframe", 0, "mail")
        assert result.date_done == bench.now


def test_progress_of_a_task_is_seen_from_outside(app: Celery) -> None:
    @app.task(name="shop.bake", bind=True)
    def bake(self: Any) -> str:
        for done in range(3):
            self.update_state(state="BAKING", meta={"done": done})
            time.sleep(10)
        return "bread"

    with Bench(app) as bench:
        result = bake.delay()
        seen = []
        for _ in range(4):
            bench.settle()
            seen.append((result.state, result.info))
            bench.advance(seconds=10)
        baking = [("BAKING", {"done": done}) for done in range(3)]
        assert seen == [*baking, ("SUCCESS", "bread")]


@pytest.mark.parametrize("expires", [600, timedelta(minutes=10)])
def test_results_expire_in_virtual_time(app: Celery, expires: Any) -> None:
    app.conf.result_expires = expires

    @app.task(name="shop.add")
    def add(x: int, y: int) -> int:
        return x + y

    with Bench(app) as bench:
        result = add.delay(1, 2)
        result.get()
        bench.advance(minutes=9, seconds=59)
        assert AsyncResult(result.id, app=app).state == "SUCCESS"
        bench.advance(seconds=1)
        assert AsyncResult(result.id, app=app).state == "PENDING"


def test_an_ignored_result_is_not_stored_but_a_failure_may_be(app: Celery) -> None:
    @app.task(name="shop.quiet", ignore_result=True)
    def quiet(fails: bool) -> int:
        if fails:
            raise ValueError("no")
        return 1

    with Bench(app, failures="collect") as bench:
        results = [quiet.delay(False), quiet.delay(True)]
        bench.drain()
        assert [result.state for result in results] == ["PENDING", "PENDING"]
        assert [run.result for run in bench.runs()] == [1, None]
        quiet.store_errors_even_if_ignored = True
        bench.node("second")
        bench.kill("celery")
        stored = quiet.delay(True)
        bench.drain()
        assert AsyncResult(stored.id, app=app).state == "FAILURE"
        loud = quiet.apply_async((False,), ignore_result=False)
        assert loud.get() == 1


def test_without_a_store_results_cannot_be_asked_for(app: Celery) -> None:
    lean = Celery("lean", broker="amqp://broker.internal//")

    @lean.task(name="lean.add", shared=False)
    def add(x: int, y: int) -> int:
        return x + y

    with Bench(lean) as bench:
        result = add.delay(1, 2)
        bench.drain()
        assert bench.runs("add")[0].result == 3
        with pytest.raises(NotImplementedError, match="No result backend is configured"):
            result.get()
    lean.close()


def test_a_result_is_forgotten(app: Celery) -> None:
    @app.task(name="shop.add")
    def add(x: int, y: int) -> int:
        return x + y

    with Bench(app):
        result = add.delay(1, 2)
        result.get()
        result.forget()
        assert AsyncResult(result.id, app=app).state == "PENDING"


def test_a_group_is_saved_and_restored(app: Celery) -> None:
    @app.task(name="shop.add")
    def add(x: int, y: int) -> int:
        return x + y

    with Bench(app) as bench:
        result = group(add.s(1, 1), add.s(2, 2)).delay()
        result.save()
        bench.drain()
        restored = GroupResult.restore(result.id, app=app)
        assert restored is not None
        assert restored.get() == [2, 4]
        restored.delete()
        assert GroupResult.restore(result.id, app=app) is None
