"""Which queue a message goes to, and who reads it."""

from __future__ import annotations

from typing import Any

import pytest
from celery import Celery
from kombu import Exchange, Queue
from kombu.common import Broadcast

from coldframe import Bench, UnreadQueue

PROFILES = ["rabbitmq", "redis"]


@pytest.fixture
def ping(app: Celery) -> Any:
    @app.task(name="shop.ping")
    def ping() -> None: ...

    return ping


def queues_of(bench: Bench) -> list[str | None]:
    return [run.queue for run in bench.runs("ping")]


def test_task_routes_by_name_by_pattern_and_by_function(app: Celery, ping: Any) -> None:
    def by_argument(name: str, args: Any, kwargs: Any, options: Any, task: Any = None, **rest: Any) -> Any:
        return {"queue": "big"} if kwargs.get("size", 0) > 10 else None

    @app.task(name="mail.send")
    def send(size: int = 0) -> None: ...

    @app.task(name="web.send")
    def web_send() -> None: ...

    app.conf.task_routes = [by_argument, {"shop.ping": "exact"}, {"mail.*": {"queue": "mail", "priority": 3}}]
    with Bench(app) as bench:
        bench.node(queues=["exact", "mail", "big", "celery"])
        for task, kwargs in ((ping, {}), (send, {}), (send, {"size": 11}), (web_send, {})):
            task.apply_async(kwargs=kwargs)
        bench.settle()
        assert [(run.task, run.queue) for run in bench.runs()] == [
            ("shop.ping", "exact"),
            ("mail.send", "mail"),
            ("mail.send", "big"),
            ("web.send", "celery"),
        ]


@pytest.mark.parametrize("profile", PROFILES)
def test_the_queue_of_the_call_wins(app: Celery, ping: Any, profile: str) -> None:
    app.conf.task_routes = {"shop.ping": {"queue": "routed"}}
    with Bench(app, profile=profile) as bench:
        bench.node(queues=["called", "routed"])
        ping.apply_async(queue="called")
        ping.delay()
        bench.settle()
        assert queues_of(bench) == ["called", "routed"]


@pytest.mark.parametrize("profile", PROFILES)
def test_a_topic_exchange_matches_words(app: Celery, ping: Any, profile: str) -> None:
    media = Exchange("media", type="topic")
    app.conf.task_queues = [
        Queue("videos", media, routing_key="media.video.#"),
        Queue("everything", media, routing_key="media.#"),
        Queue("short", media, routing_key="media.*"),
    ]
    with Bench(app, profile=profile) as bench:
        bench.settle()  # the node declares the queues
        ping.apply_async(exchange="media", routing_key="media.video.mp4")
        bench.settle()
        (sent,) = [event for event in bench.trace if type(event).__name__ == "Published"]
        assert sorted(sent.queues) == ["everything", "videos"]
        assert len(bench.runs("ping")) == 2


def test_a_direct_exchange_needs_the_very_key(app: Celery, ping: Any) -> None:
    app.conf.task_queues = [Queue("one", Exchange("orders", type="direct"), routing_key="one")]
    with Bench(app) as bench:
        bench.settle()
        ping.apply_async(exchange="orders", routing_key="one")
        bench.settle()
        assert queues_of(bench) == ["one"]
        ping.apply_async(exchange="orders", routing_key="two")
        with pytest.raises(UnreadQueue, match="exchange 'orders' with routing key 'two', where no queue is bound"):
            bench.drain()


@pytest.mark.parametrize("profile", PROFILES)
def test_every_node_gets_a_broadcast(app: Celery, ping: Any, profile: str) -> None:
    app.conf.task_queues = [Broadcast("everybody")]
    route = {"queue": "everybody", "exchange": "everybody"}
    app.conf.task_routes = {"shop.ping": {**route, "routing_key": "celery"}}
    with Bench(app, profile=profile) as bench:
        for name in ("a", "b", "c"):
            bench.node(name, queues=["everybody"])
        bench.settle()
        ping.delay()
        bench.settle()
        assert sorted(run.node for run in bench.runs("ping")) == ["a", "b", "c"]


@pytest.mark.parametrize(("profile", "runs"), [("rabbitmq", 1), ("redis", 0)])
def test_a_broadcast_without_its_routing_key_is_lost_on_redis(app: Celery, ping: Any, profile: str, runs: int) -> None:
    """A worker subscribes with the default routing key, the route of Celery's documentation sends without one."""
    app.conf.task_queues = [Broadcast("everybody")]
    app.conf.task_routes = {"shop.ping": {"queue": "everybody", "exchange": "everybody"}}
    with Bench(app, profile=profile, unread="collect") as bench:
        bench.settle()
        ping.delay()
        bench.settle()
        assert len(bench.runs("ping")) == runs


def test_send_task_needs_only_the_name(app: Celery, ping: Any) -> None:
    with Bench(app) as bench:
        assert app.send_task("shop.ping", queue="celery").get() is None
        bench.assert_ran("ping", times=1, queue="celery")


def test_send_task_with_a_wrong_name_is_told(app: Celery) -> None:
    with Bench(app, failures="collect") as bench:
        app.send_task("shop.gone", args=[1], kwargs={"b": 2})
        bench.settle()
        (run,) = bench.runs()
        assert (run.task, run.state, run.args, run.kwargs) == ("shop.gone", "UNKNOWN", (1,), {"b": 2})


def test_a_queue_that_nobody_reads_is_named(app: Celery, ping: Any) -> None:
    with Bench(app) as bench:
        bench.node(queues=["celery"])
        ping.apply_async(queue="reports")
        with pytest.raises(UnreadQueue, match=r"1 message waits in queue 'reports', which no node reads: shop\.ping"):
            bench.drain()
        bench.node("reports", queues=["reports"])
        bench.drain()
        assert queues_of(bench) == ["reports"]


def test_exclude_queues_leaves_a_queue_to_others(app: Celery, ping: Any) -> None:
    app.conf.task_queues = [Queue("a"), Queue("b")]
    with Bench(app) as bench:
        bench.node("one", queues=["a", "b"], exclude_queues=["b"])
        bench.node("two", queues=["b"])
        ping.apply_async(queue="a")
        ping.apply_async(queue="b")
        bench.settle()
        assert [(run.node, run.queue) for run in bench.runs("ping")] == [("one", "a"), ("two", "b")]


@pytest.mark.parametrize("profile", PROFILES)
def test_a_fanout_exchange_fills_each_queue(app: Celery, ping: Any, profile: str) -> None:
    news = Exchange("news", type="fanout")
    app.conf.task_queues = [Queue("left", news), Queue("right", news)]
    with Bench(app, profile=profile) as bench:
        bench.settle()
        ping.apply_async(exchange="news", routing_key="celery")
        bench.settle()
        assert len(bench.runs("ping")) == 2
