"""Which message comes first, and how many a node holds."""

# ruff: noqa: TID251 - tasks on an open bench sleep in virtual time
from __future__ import annotations

import time
from typing import Any

import pytest
from celery import Celery
from kombu import Queue

from coldframe import Bench

PROFILES = ["rabbitmq", "redis"]


@pytest.fixture
def nap(app: Celery) -> Any:
    @app.task(name="shop.nap")
    def nap(name: Any, seconds: float = 10) -> None:
        time.sleep(seconds)

    return nap


def order(bench: Bench) -> list[Any]:
    return [run.args[0] for run in bench.runs("nap")]


def held(bench: Bench) -> list[tuple[str, Any]]:
    """What was delivered and has not begun, node by node."""
    begun = {run.task_id for run in bench.runs("nap")}
    delivered = [event for event in bench.trace if type(event).__name__ == "Delivered"]
    return [(event.node, event.task_id) for event in delivered if event.task_id not in begun]


def test_rabbitmq_orders_by_priority_only_where_the_queue_says_so(app: Celery, nap: Any) -> None:
    app.conf.task_queues = [Queue("plain"), Queue("ranked", queue_arguments={"x-max-priority": 5})]
    app.conf.worker_prefetch_multiplier = 1
    with Bench(app, profile="rabbitmq", unread="collect") as bench:
        for queue in ("plain", "ranked"):
            nap.apply_async((f"{queue} first", 0), queue=queue)
            for priority in (0, 9, 3, 5, 1):
                nap.apply_async((f"{queue} {priority}", 0), queue=queue, priority=priority)
        bench.node("one", queues=["plain"], concurrency=1)
        bench.drain()
        assert order(bench) == [f"plain {word}" for word in ("first", 0, 9, 3, 5, 1)]
        bench.node("two", queues=["ranked"], concurrency=1)
        bench.drain()
        # 9 counts as 5, the most urgent there is; what has none is like 0.
        assert order(bench)[6:] == [f"ranked {word}" for word in (9, 5, 3, 1, "first", 0)]


def test_redis_orders_the_other_way_round_and_in_steps(app: Celery, nap: Any) -> None:
    app.conf.worker_prefetch_multiplier = 1
    with Bench(app, profile="redis") as bench:
        for priority in (9, 5, 0, 3, 4, 6):
            nap.apply_async((priority, 0), priority=priority)
        nap.apply_async(("none", 0))
        bench.node("one", concurrency=1)
        bench.drain()
        assert order(bench) == [0, "none", 5, 3, 4, 6, 9]


def test_the_steps_of_redis_are_a_setting(app: Celery, nap: Any) -> None:
    app.conf.worker_prefetch_multiplier = 1
    app.conf.broker_transport_options = {"priority_steps": list(range(10)), "queue_order_strategy": "priority"}
    with Bench(app, profile="redis") as bench:
        for priority in (9, 5, 0, 3, 4):
            nap.apply_async((priority, 0), priority=priority)
        bench.node("one", concurrency=1)
        bench.drain()
        assert order(bench) == [0, 3, 4, 5, 9]


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize(("multiplier", "expected"), [(1, 1), (4, 4), (0, 9)])
def test_a_node_holds_as_many_as_its_prefetch_allows(
    app: Celery, nap: Any, profile: str, multiplier: int, expected: int
) -> None:
    nap.acks_late = True
    with Bench(app, profile=profile) as bench:
        bench.node("one", concurrency=1, prefetch_multiplier=multiplier)
        for number in range(10):
            nap.delay(number)
        bench.advance(seconds=1)
        assert len(held(bench)) == (expected - 1 if multiplier else expected)
        bench.kill("one")
        bench.node("two", concurrency=10)
        bench.advance(hours=2)


@pytest.mark.parametrize("profile", PROFILES)
def test_an_early_ack_makes_room_for_one_more(app: Celery, nap: Any, profile: str) -> None:
    with Bench(app, profile=profile) as bench:
        bench.node("one", concurrency=1, prefetch_multiplier=1)
        for number in range(4):
            nap.delay(number)
        bench.advance(seconds=1)
        assert len(held(bench)) == 1
        bench.drain()


@pytest.mark.parametrize("profile", PROFILES)
def test_tasks_with_an_eta_raise_the_prefetch(app: Celery, nap: Any, profile: str) -> None:
    with Bench(app, profile=profile) as bench:
        bench.node("one", concurrency=1, prefetch_multiplier=1)
        bench.settle()
        for number in range(5):
            nap.apply_async((number,), countdown=1000)
        bench.settle()
        (scheduled,) = app.control.inspect().scheduled().values()
        assert len(scheduled) == 5
        assert app.control.inspect().stats()["one@coldframe"]["prefetch_count"] == 6
        nap.delay("now")
        bench.settle()
        assert order(bench) == ["now"]
        bench.drain()
        assert app.control.inspect().stats()["one@coldframe"]["prefetch_count"] == 1


def test_an_idle_node_gets_what_a_busy_one_does_not_hold(app: Celery, nap: Any) -> None:
    with Bench(app, profile="rabbitmq") as bench:
        bench.node("busy", concurrency=1, prefetch_multiplier=2)
        bench.settle()
        for number in range(3):
            nap.delay(number)
        bench.settle()
        bench.node("idle", concurrency=1)
        nap.delay("late")
        bench.drain()
        assert [(run.node, run.args[0]) for run in bench.runs("nap")] == [
            ("busy", 0),
            ("idle", "late"),
            ("busy", 1),
            ("busy", 2),
        ]


def test_a_node_on_redis_may_hold_nothing_that_it_cannot_run(app: Celery, nap: Any) -> None:
    app.conf.worker_disable_prefetch = True
    with Bench(app, profile="redis") as bench:
        bench.node("one", concurrency=2)
        bench.settle()
        for number in range(6):
            nap.delay(number)
        bench.advance(seconds=1)
        assert held(bench) == []
        bench.drain()
        assert order(bench) == [0, 1, 2, 3, 4, 5]
