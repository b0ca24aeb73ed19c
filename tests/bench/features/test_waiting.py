"""Waiting for results, outside of tasks and inside."""

# ruff: noqa: TID251 - tasks on an open bench sleep in virtual time
from __future__ import annotations

import time
from typing import Any

import pytest
from celery import Celery, chain, group
from celery.exceptions import TimeoutError as CeleryTimeoutError
from celery.result import AsyncResult, ResultSet, allow_join_result

from coldframe import Bench, NeverReady


@pytest.fixture
def add(app: Celery) -> Any:
    @app.task(name="calc.add")
    def add(x: int, y: int) -> int:
        time.sleep(x)
        return x + y

    return add


def test_wait_is_get_and_ready_tells_the_truth(app: Celery, add: Any) -> None:
    with Bench(app) as bench:
        result = add.delay(5, 1)
        assert not result.ready()
        assert result.wait() == 6
        assert result.ready()
        assert (bench.now - bench.runs()[0].started_at).total_seconds() == 5


def test_a_loop_that_polls_gets_there(app: Celery, add: Any) -> None:
    with Bench(app):
        result = add.delay(1, 1)
        while not result.ready():
            pass
        assert result.result == 2


def test_join_and_iter_native(app: Celery, add: Any) -> None:
    with Bench(app):
        results = ResultSet([add.delay(number, 0) for number in (3, 1, 2)], app=app)
        assert results.waiting()
        assert results.completed_count() == 0
        assert next(iter(results.iter_native()))[1]["result"] == 1
        assert results.join_native() == [3, 1, 2]
        assert results.join() == [3, 1, 2]
        assert results.successful()


def test_a_callback_runs_for_each_result(app: Celery, add: Any) -> None:
    seen: list[Any] = []
    with Bench(app):
        result = group(add.s(number, 0) for number in (2, 1)).delay()
        result.get(callback=lambda task_id, value: seen.append(value))
        assert sorted(seen) == [1, 2]


def test_then_is_called_when_it_is_ready(app: Celery, add: Any) -> None:
    seen: list[Any] = []
    with Bench(app):
        result = add.delay(1, 2)
        result.then(lambda ready: seen.append(ready.result))
        result.get()
        assert seen == [3]


def test_children_parents_and_collect(app: Celery, add: Any) -> None:
    @app.task(name="calc.parent", bind=True, trail=True)
    def parent(self: Any) -> int:
        add.delay(1, 1)
        add.delay(2, 2)
        return 7

    with Bench(app) as bench:
        result = parent.delay()
        bench.drain()
        assert result.get() == 7
        assert [child.get() for child in result.children] == [2, 4]
        assert [value for _, value in result.collect()] == [7, 2, 4]
        last = chain(add.s(0, 1), add.s(2)).delay()
        assert last.get() == 3
        assert last.parent.get() == 1
        assert [node.id for node in (last.parent, last)] == [last.parent.id, last.id]


def test_a_failed_member_is_raised_or_left_in_its_place(app: Celery, add: Any) -> None:
    @app.task(name="calc.fail")
    def fail() -> None:
        raise ValueError("no")

    with Bench(app):
        result = group(add.s(0, 1), fail.s()).delay()
        with pytest.raises(ValueError, match="no"):
            result.get()
        values = result.get(propagate=False)
        assert (values[0], repr(values[1])) == (1, "ValueError('no')")
        assert result.failed()


def test_a_timeout_is_virtual(app: Celery, add: Any) -> None:
    with Bench(app) as bench:
        begun = bench.now
        result = add.delay(3600, 0)
        with pytest.raises(CeleryTimeoutError, match="timed out"):
            result.get(timeout=60)
        assert (bench.now - begun).total_seconds() == 60
        assert result.get(timeout=3600) == 3600


def test_waiting_for_what_cannot_come_is_told(app: Celery, add: Any) -> None:
    with Bench(app, unread="collect") as bench:
        bench.node("mail", queues=["mail"])
        result = add.delay(1, 1)
        with pytest.raises(NeverReady, match=r"task calc\.add waits in queue 'celery', which no node reads"):
            result.get()
        with pytest.raises(NeverReady, match="nothing is left to run, and the result was not stored"):
            AsyncResult("never-sent", app=app).get()
        bench.node("web")
        assert result.get() == 2


def test_a_task_must_not_wait_for_another(app: Celery, add: Any) -> None:
    @app.task(name="calc.bad")
    def bad() -> Any:
        return add.delay(1, 1).get()

    with Bench(app), pytest.raises(RuntimeError, match=r"Never call result\.get\(\) within a task!"):
        bad.delay().get()


@pytest.mark.parametrize("way", ["context", "argument"])
def test_a_task_may_wait_when_it_says_so(app: Celery, add: Any, way: str) -> None:
    @app.task(name="calc.patient")
    def patient() -> Any:
        if way == "argument":
            return add.delay(10, 1).get(disable_sync_subtasks=False)
        with allow_join_result():
            return add.delay(10, 1).get()

    with Bench(app) as bench:
        assert patient.delay().get() == 11
        assert bench.runs("patient")[0].runtime.total_seconds() == 10


def test_a_task_that_waits_with_no_process_left_is_stuck(app: Celery, add: Any) -> None:
    @app.task(name="calc.greedy")
    def greedy() -> Any:
        with allow_join_result():
            return add.delay(1, 1).get()

    with Bench(app, unread="collect") as bench:
        bench.node(concurrency=1)
        result = greedy.delay()
        with pytest.raises(
            NeverReady, match=r"task calc\.greedy .* waits for <AsyncResult: .*>, which will never come"
        ):
            result.get()
        bench.kill("celery")


def test_a_group_inside_a_task(app: Celery, add: Any) -> None:
    @app.task(name="calc.spread")
    def spread() -> Any:
        with allow_join_result():
            return group(add.s(number, 0) for number in (1, 2, 3)).delay().join()

    with Bench(app) as bench:
        assert spread.delay().get() == [1, 2, 3]
        assert bench.runs("spread")[0].runtime.total_seconds() == 3
