"""Several nodes and several apps on one bench, and their lives."""

# ruff: noqa: TID251 - tasks on an open bench sleep in virtual time
from __future__ import annotations

import os
import time
from typing import Any

import pytest
from celery import Celery, current_app, shared_task

from coldframe import Bench, SetupError

PROFILES = ["rabbitmq", "redis"]


@pytest.fixture
def nap(app: Celery) -> Any:
    @app.task(name="shop.nap", bind=True)
    def nap(self: Any, seconds: float = 10) -> Any:
        time.sleep(seconds)
        return self.request.hostname

    return nap


@pytest.mark.parametrize("profile", PROFILES)
def test_each_node_has_its_queues_and_its_size(app: Celery, nap: Any, profile: str) -> None:
    with Bench(app, profile=profile) as bench:
        begun = bench.now
        bench.node("wide", queues=["web"], concurrency=3)
        bench.node("narrow", queues=["mail", "print"], concurrency=1)
        for queue in ("web", "web", "web", "mail", "print"):
            nap.apply_async(queue=queue)
        bench.drain()
        ends = [(run.node, run.queue, (run.finished_at - begun).total_seconds()) for run in bench.runs()]
        assert sorted(ends) == [
            ("narrow", "mail", 10.0),
            ("narrow", "print", 20.0),
            *[("wide", "web", 10.0)] * 3,
        ]


def test_the_host_name_is_the_nodes(app: Celery, nap: Any) -> None:
    with Bench(app) as bench:
        bench.node("mail")
        assert nap.delay().get() == "mail@coldframe"


@pytest.mark.parametrize("profile", PROFILES)
def test_two_nodes_share_a_queue(app: Celery, nap: Any, profile: str) -> None:
    with Bench(app, profile=profile) as bench:
        for name in ("a", "b"):
            bench.node(name, concurrency=1, prefetch_multiplier=1)
        bench.settle()
        for _ in range(4):
            nap.delay()
        bench.drain()
        nodes = [run.node for run in bench.runs()]
        assert sorted(nodes) == ["a", "a", "b", "b"]


def test_a_process_is_replaced_after_so_many_tasks(app: Celery, nap: Any) -> None:
    with Bench(app) as bench:
        bench.node(concurrency=1, max_tasks_per_child=2)
        bench.settle()
        pids = []
        for _ in range(5):
            nap.apply_async((1,)).get()
            pids.append(app.control.inspect().stats()["celery@coldframe"]["pool"]["processes"])
        assert pids == [[70002], [70003], [70003], [70004], [70004]]
        assert [run.process for run in bench.runs()] == ["celery/1"] * 5


def test_a_killed_node_starts_again_under_its_name(app: Celery, nap: Any) -> None:
    nap.acks_late = True
    with Bench(app) as bench:
        bench.node("mail")
        result = nap.delay()
        bench.advance(seconds=5)
        with pytest.raises(SetupError, match="there is a node 'mail' already"):
            bench.node("mail")
        bench.kill("mail")
        bench.node("mail")
        assert result.get() == "mail@coldframe"
        assert [(run.node, run.state) for run in bench.runs()] == [("mail", "LOST"), ("mail", "SUCCESS")]


def test_a_warm_stop_waits_for_what_runs_and_gives_back_the_rest(app: Celery, nap: Any) -> None:
    with Bench(app) as bench:
        bench.node("mail", concurrency=1)
        running, waiting = nap.delay(), nap.delay()
        bench.advance(seconds=2)
        bench.stop("mail")
        bench.advance(seconds=3)
        late = nap.delay()
        bench.advance(seconds=60)
        assert (running.state, late.state) == ("SUCCESS", "PENDING")
        bench.node("mail")
        bench.drain()
        assert (waiting.state, late.state) == ("SUCCESS", "SUCCESS")
        changes = [event.change for event in bench.trace if type(event).__name__ == "NodeChanged"]
        assert changes == ["up", "stopped", "up"]


@pytest.mark.parametrize("profile", PROFILES)
def test_gossip_mingle_and_heartbeats_do_not_hold_time_up(app: Celery, nap: Any, profile: str) -> None:
    noisy = {"without_gossip": False, "without_mingle": False, "without_heartbeat": False}
    with Bench(app, profile=profile) as bench:
        for name in ("a", "b", "c"):
            bench.node(name, **noisy)
        begun = bench.now
        result = nap.apply_async((5,), countdown=600)
        bench.drain()
        assert result.state == "SUCCESS"
        assert (bench.now - begun).total_seconds() == pytest.approx(605, abs=5)
        bench.advance(minutes=10)
        bench.drain()


def test_a_lost_process_is_replaced_and_told(app: Celery, nap: Any) -> None:
    @app.task(name="shop.die")
    def die() -> None:
        os._exit(9)

    with Bench(app, failures="collect") as bench:
        bench.node(concurrency=1)
        die.delay()
        assert nap.delay(1).get() == "celery@coldframe"
        changes = [(event.change, event.detail) for event in bench.trace if type(event).__name__ == "NodeChanged"]
        assert changes == [("up", ""), ("pool process lost", "exitcode 9")]


def test_kill_process_takes_the_one_that_runs_the_task(app: Celery, nap: Any) -> None:
    with Bench(app, failures="collect") as bench:
        first, second = nap.delay(), nap.delay()
        bench.advance(seconds=1)
        bench.kill_process("celery", task_id=second.id)
        bench.drain()
        assert (first.state, second.state) == ("SUCCESS", "FAILURE")


def test_a_pool_process_may_be_signalled_by_its_number(app: Celery) -> None:
    @app.task(name="shop.nap", track_started=True)
    def nap() -> None:
        time.sleep(10)

    with Bench(app, failures="collect") as bench:
        result = nap.delay()
        bench.advance(seconds=1)
        os.kill(result.info["pid"], 9)
        bench.drain()
        assert repr(result.result) == "WorkerLostError('Worker exited prematurely: signal 9 (SIGKILL) Job: 0.')"


def test_several_apps_on_one_bench(app: Celery) -> None:
    other = Celery("bank", broker="amqp://shop@broker.internal//", backend="redis://results.internal/4")
    other.conf.task_default_queue = "bank"

    @other.task(name="bank.book", shared=False)
    def book(amount: int) -> tuple[str, int]:
        return current_app.main, amount

    @app.task(name="shop.charge")
    def charge(amount: int) -> str:
        book.delay(amount)
        return current_app.main

    with Bench(app, other) as bench:
        bench.node("shop", app=app)
        bench.node("bank", app=other)
        assert charge.delay(5).get() == "shop"
        bench.drain()
        (run,) = bench.runs("book")
        assert (run.node, run.queue, run.result) == ("bank", "bank", ("bank", 5))
    other.close()


def test_a_shared_task_runs_in_the_app_of_its_node(app: Celery) -> None:
    @shared_task(name="lib.where")
    def where() -> str:
        return current_app.main

    app.set_current()
    other = Celery("bank", broker="amqp://shop@broker.internal//", backend="redis://results.internal/4")
    app.set_current()
    with Bench(app, other) as bench:
        bench.node("shop", app=app, queues=["celery"])
        bench.node("bank", app=other, queues=["bank"])
        assert where.delay().get() == "shop"
        assert other.tasks["lib.where"].apply_async(queue="bank").get() == "bank"
    other.close()


def test_a_node_of_an_app_that_is_not_there(app: Celery) -> None:
    other = Celery("bank", broker="amqp://shop@broker.internal//")
    with Bench(app) as bench, pytest.raises(SetupError, match="the app 'bank' is not on this bench"):
        bench.node("bank", app=other)
    other.close()
