"""Remote control: looking into nodes, and telling them what to do."""

# ruff: noqa: TID251 - tasks on an open bench sleep in virtual time
from __future__ import annotations

import time
from typing import Any

import pytest
from celery import Celery
from celery.worker.control import Panel, control_command, inspect_command

from coldframe import Bench

PROFILES = ["rabbitmq", "redis"]


@pytest.fixture
def nap(app: Celery) -> Any:
    @app.task(name="shop.nap")
    def nap(seconds: float) -> str:
        time.sleep(seconds)
        return "slept"

    return nap


@pytest.mark.parametrize("profile", PROFILES)
def test_nodes_answer(app: Celery, nap: Any, profile: str) -> None:
    with Bench(app, profile=profile) as bench:
        bench.node("a", queues=["celery"])
        bench.node("b", queues=["mail"])
        bench.settle()
        assert app.control.ping() == [{"a@coldframe": {"ok": "pong"}}, {"b@coldframe": {"ok": "pong"}}]
        assert app.control.inspect(["b@coldframe"]).ping() == {"b@coldframe": {"ok": "pong"}}
        queues = app.control.inspect().active_queues()
        assert {node: [queue["name"] for queue in known] for node, known in queues.items()} == {
            "a@coldframe": ["celery"],
            "b@coldframe": ["mail"],
        }


@pytest.mark.parametrize("profile", PROFILES)
def test_what_each_node_does_is_its_own(app: Celery, nap: Any, profile: str) -> None:
    with Bench(app, profile=profile) as bench:
        bench.node("a", concurrency=1)
        bench.node("b", queues=["mail"])
        bench.settle()
        begun = bench.now
        running, waiting = nap.delay(100), nap.delay(100)
        due = nap.apply_async((1,), countdown=500, queue="mail")
        bench.advance(seconds=5)
        inspect = app.control.inspect()
        active, reserved, scheduled = inspect.active(), inspect.reserved(), inspect.scheduled()
        assert [task["id"] for task in active["a@coldframe"]] == [running.id]
        assert active["b@coldframe"] == []
        assert [task["id"] for task in reserved["a@coldframe"]] == [waiting.id]
        assert [task["request"]["id"] for task in scheduled["b@coldframe"]] == [due.id]
        (found,) = inspect.query_task(running.id)["a@coldframe"].values()
        assert (found[0], found[1]["worker_pid"], found[1]["time_start"]) == ("active", 70003, begun.timestamp())
        # As in production, each question waits a second for answers of nodes that it does not know.
        assert (bench.now - begun).total_seconds() == 5 + 4
        bench.drain()


def test_stats_conf_report_and_registered(app: Celery, nap: Any) -> None:
    with Bench(app) as bench:
        bench.node("a", concurrency=3)
        nap.delay(1)
        bench.drain()
        bench.advance(seconds=59)
        inspect = app.control.inspect()
        stats = inspect.stats()["a@coldframe"]
        assert (stats["total"], stats["uptime"], stats["pid"]) == ({"shop.nap": 1}, 60, 70001)
        assert stats["pool"]["processes"] == [70002, 70003, 70004]
        assert stats["prefetch_count"] == 12
        assert inspect.registered()["a@coldframe"] == ["shop.nap"]
        assert inspect.conf()["a@coldframe"]["task_default_queue"] == "celery"
        assert inspect.clock()["a@coldframe"]["clock"] > 0


@pytest.mark.parametrize("profile", PROFILES)
def test_a_rate_limit_spreads_tasks(app: Celery, nap: Any, profile: str) -> None:
    with Bench(app, profile=profile) as bench:
        bench.settle()
        app.control.rate_limit("shop.nap", "6/m")
        bench.settle()
        begun = bench.now
        for _ in range(4):
            nap.delay(0)
        bench.drain()
        starts = [(run.started_at - begun).total_seconds() for run in bench.runs() if run.started_at]
        assert starts == [0.0, 10.0, 20.0, 30.0]


def test_the_rate_limit_of_a_task_is_per_node(app: Celery) -> None:
    @app.task(name="shop.slow", rate_limit="1/s")
    def slow() -> None: ...

    with Bench(app) as bench:
        for name in ("a", "b"):
            bench.node(name, prefetch_multiplier=1, concurrency=2)
        bench.settle()
        begun = bench.now
        for _ in range(4):
            slow.delay()
        bench.drain()
        starts = sorted((run.node, (run.started_at - begun).total_seconds()) for run in bench.runs() if run.started_at)
        assert starts == [("a", 0.0), ("a", 1.0), ("b", 0.0), ("b", 1.0)]


def test_a_time_limit_from_afar(app: Celery, nap: Any) -> None:
    with Bench(app, failures="collect") as bench:
        bench.settle()
        answer = app.control.time_limit("shop.nap", soft=5, hard=10, reply=True)
        assert answer == [{"celery@coldframe": {"ok": "time limits set successfully"}}]
        nap.delay(100)
        bench.drain()
        assert [run.runtime.total_seconds() for run in bench.runs() if run.runtime] == [5.0]
    assert nap.time_limit is None


@pytest.mark.parametrize("profile", PROFILES)
def test_a_queue_is_added_and_taken_away(app: Celery, nap: Any, profile: str) -> None:
    with Bench(app, profile=profile, unread="collect") as bench:
        bench.node("a", queues=["celery"])
        bench.node("b", queues=["celery"])
        bench.settle()
        assert app.control.add_consumer("mail", destination=["a@coldframe"], reply=True) == [
            {"a@coldframe": {"ok": "add consumer mail"}}
        ]
        nap.apply_async((0,), queue="mail")
        bench.drain()
        assert [(run.node, run.queue) for run in bench.runs()] == [("a", "mail")]
        app.control.cancel_consumer("mail", reply=True)
        nap.apply_async((0,), queue="mail")
        bench.drain()
        assert len(bench.runs()) == 1
        bench.assert_queued("nap", queue="mail")


def test_the_pool_grows_and_shrinks(app: Celery, nap: Any) -> None:
    with Bench(app) as bench:
        bench.node("a", concurrency=1)
        bench.settle()
        app.control.pool_grow(2, reply=True)
        begun = bench.now
        for _ in range(3):
            nap.delay(10)
        bench.drain()
        assert (bench.now - begun).total_seconds() == 10
        app.control.pool_shrink(2, reply=True)
        assert app.control.inspect().stats()["a@coldframe"]["pool"]["max-concurrency"] == 1
        begun = bench.now
        for _ in range(3):
            nap.delay(10)
        bench.drain()
        assert (bench.now - begun).total_seconds() == 30


def test_pool_restart_needs_its_setting(app: Celery, nap: Any) -> None:
    with Bench(app) as bench:
        bench.settle()
        (answer,) = app.control.pool_restart(reply=True)
        assert "Pool restarts not enabled" in str(answer)


def test_pool_restart_starts_new_processes(app: Celery, nap: Any) -> None:
    app.conf.worker_pool_restarts = True
    with Bench(app) as bench:
        bench.node("a", concurrency=2)
        bench.settle()
        assert app.control.pool_restart(reply=True) == [{"a@coldframe": {"ok": "reload started"}}]
        bench.advance(seconds=1)
        assert app.control.inspect().stats()["a@coldframe"]["pool"]["processes"] == [70004, 70005]
        assert nap.delay(1).get() == "slept"


def test_autoscale_follows_the_work(app: Celery, nap: Any) -> None:
    with Bench(app) as bench:
        bench.node("a", autoscale=(4, 1), concurrency=4)
        bench.settle()
        for _ in range(8):
            nap.delay(100)
        bench.drain()
        assert {run.process for run in bench.runs()} == {"a/1", "a/2", "a/3", "a/4"}
        bench.advance(minutes=5)
        assert len(app.control.inspect().stats()["a@coldframe"]["pool"]["processes"]) == 1


def test_shutdown_from_afar_is_warm(app: Celery, nap: Any) -> None:
    with Bench(app) as bench:
        bench.node("a")
        result = nap.delay(30)
        bench.advance(seconds=1)
        app.control.shutdown()
        bench.advance(seconds=60)
        assert result.get() == "slept"
        assert "a" not in repr(bench).split(", ")[-1]
        bench.node("a")
        assert nap.delay(1).get() == "slept"


def test_commands_of_the_project(app: Celery) -> None:
    seen: list[Any] = []

    @control_command(args=[("n", int)], signature="[N=1]")
    def brew(state: Any, n: int = 1) -> Any:
        seen.append((state.hostname, n))
        return {"ok": f"{n} cups"}

    @inspect_command()
    def kettle(state: Any) -> Any:
        return {"hot": bool(seen)}

    try:
        with Bench(app) as bench:
            bench.settle()
            assert app.control.broadcast("brew", arguments={"n": 3}, reply=True) == [
                {"celery@coldframe": {"ok": "3 cups"}}
            ]
            assert app.control.inspect()._request("kettle") == {"celery@coldframe": {"hot": True}}
        assert seen == [("celery@coldframe", 3)]
    finally:
        for name in ("brew", "kettle"):
            Panel.data.pop(name)
            Panel.meta.pop(name)


def test_nobody_answers_on_an_empty_bench(app: Celery) -> None:
    with Bench(app) as bench:
        bench.node("a")
        bench.settle()
        bench.kill("a")
        begun = bench.now
        assert app.control.ping(timeout=2) == []
        assert (bench.now - begun).total_seconds() == 2
