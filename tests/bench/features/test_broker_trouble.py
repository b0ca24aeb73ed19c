"""Connections that go, messages that come twice, and how long a broker is patient."""

# ruff: noqa: TID251 - tasks on an open bench sleep in virtual time
from __future__ import annotations

import time
from typing import Any

import pytest
from celery import Celery
from kombu import Queue

from coldframe import Bench, RabbitMQ, Redis, UnreadQueue

PROFILES = ["rabbitmq", "redis"]
pytestmark = pytest.mark.filterwarnings("ignore::celery.exceptions.CPendingDeprecationWarning")


@pytest.fixture
def nap(app: Celery) -> Any:
    @app.task(name="shop.nap", acks_late=True)
    def nap(seconds: float = 10) -> None:
        time.sleep(seconds)

    return nap


def seconds(bench: Bench) -> list[tuple[float, str, bool]]:
    """When each run began, how it ended, and whether it was a second one."""
    sent = bench.runs("nap")[0].published_at
    return [((run.started_at - sent).total_seconds(), run.state, run.redelivered) for run in bench.runs("nap")]


def test_redis_runs_a_long_countdown_on_every_node_that_gets_it_again(app: Celery, nap: Any) -> None:
    with Bench(app, profile=Redis(visibility_timeout=3600)) as bench:
        bench.node("a")
        bench.node("b")
        bench.settle()
        nap.apply_async((1,), countdown=7200)
        bench.drain()
        assert seconds(bench) == [(7200.0, "SUCCESS", False), (7200.0, "SUCCESS", True)]


def test_redis_runs_a_long_task_again_while_it_runs(app: Celery, nap: Any) -> None:
    with Bench(app, profile=Redis(visibility_timeout=100)) as bench:
        bench.settle()
        nap.delay(250)
        bench.advance(seconds=240)
        # kombu looks only every 100 seconds, and a message of just that age is not old enough.
        assert [(start, again) for start, _, again in seconds(bench)] == [(0.0, False), (200.0, True)]


def test_the_visibility_timeout_of_the_app_counts(app: Celery, nap: Any) -> None:
    app.conf.broker_url = "redis://broker.internal"
    app.conf.broker_transport_options = {"visibility_timeout": 50}
    with Bench(app) as bench:
        bench.settle()
        nap.delay(170)
        bench.advance(seconds=160)
        assert [(start, again) for start, _, again in seconds(bench)] == [(0.0, False), (100.0, True)]


def test_rabbitmq_closes_the_channel_of_a_node_that_holds_a_message_too_long(app: Celery, nap: Any) -> None:
    with Bench(app, profile=RabbitMQ(consumer_timeout=600)) as bench:
        bench.node("a")
        nap.apply_async((1,), countdown=3600)
        with pytest.raises(UnreadQueue, match=r"node 'a' had stopped with .*delivery acknowledgement .* timed out"):
            bench.drain()
        changes = [(event.change, event.when) for event in bench.trace if type(event).__name__ == "NodeChanged"]
        assert [change for change, _ in changes] == ["up", "stopped"]
        assert 600 <= (changes[1][1] - changes[0][1]).total_seconds() <= 660
        bench.node("b")
        bench.settle()
        bench.kill("b")
        app.control.purge()


def test_with_channel_errors_retried_the_node_gets_the_message_again_and_again(app: Celery, nap: Any) -> None:
    app.conf.broker_channel_error_retry = True
    with Bench(app, profile=RabbitMQ(consumer_timeout=600)) as bench:
        bench.node("a")
        nap.apply_async((1,), countdown=1500)
        bench.drain()
        assert [state for _, state, _ in seconds(bench)] == ["SUCCESS"]
        deliveries = [event.redelivered for event in bench.trace if type(event).__name__ == "Delivered"]
        assert deliveries == [False, True, True]


@pytest.mark.parametrize("profile", PROFILES)
def test_a_node_whose_connection_is_cut_connects_again(app: Celery, nap: Any, profile: str) -> None:
    with Bench(app, profile=profile) as bench:
        bench.node("a")
        nap.delay(1)
        bench.drain()
        bench.disconnect("a")
        bench.advance(seconds=1)
        nap.delay(1)
        bench.drain()
        assert [run.state for run in bench.runs("nap")] == ["SUCCESS", "SUCCESS"]


def test_a_late_task_runs_twice_when_rabbitmq_loses_the_connection(app: Celery, nap: Any) -> None:
    with Bench(app, profile="rabbitmq") as bench:
        bench.node("a")
        nap.delay(10)
        bench.advance(seconds=4)
        bench.disconnect("a")
        bench.drain()
        assert seconds(bench) == [(0.0, "SUCCESS", False), (4.0, "SUCCESS", True)]


def test_a_late_task_is_cancelled_when_the_app_asks_for_it(app: Celery, nap: Any) -> None:
    app.conf.worker_cancel_long_running_tasks_on_connection_loss = True
    with Bench(app, profile="rabbitmq") as bench:
        bench.node("a")
        nap.delay(10)
        bench.advance(seconds=4)
        bench.disconnect("a")
        bench.drain()
        first, second = bench.runs("nap")
        assert (first.state, first.runtime.total_seconds()) == ("REVOKED", 4)
        assert (second.state, second.redelivered, second.runtime.total_seconds()) == ("SUCCESS", True, 10)


def test_tasks_held_back_come_again_after_a_cut(app: Celery, nap: Any) -> None:
    with Bench(app, profile="rabbitmq") as bench:
        bench.node("a")
        nap.apply_async((1,), countdown=60)
        bench.advance(seconds=10)
        bench.disconnect("a")
        bench.drain()
        assert seconds(bench) == [(60.0, "SUCCESS", True)]


def test_quorum_queues_delay_messages_in_the_broker(app: Celery, nap: Any) -> None:
    app.conf.task_queues = [Queue("celery", queue_arguments={"x-queue-type": "quorum"})]
    app.conf.task_default_queue_type = "quorum"
    app.conf.task_default_exchange_type = "topic"
    app.conf.worker_detect_quorum_queues = True
    with Bench(app, profile=RabbitMQ(consumer_timeout=600)) as bench:
        bench.settle()
        nap.apply_async((1,), countdown=7200)
        bench.settle()
        assert app.control.inspect().scheduled() == {"celery@coldframe": []}
        bench.drain()
        ((start, state, again),) = seconds(bench)
        # The broker counts whole seconds, and Celery's node waits for what is left of them.
        assert (round(start), state, again) == (7200, "SUCCESS", False)


def test_quorum_queues_count_prefetch_per_consumer(app: Celery, nap: Any) -> None:
    app.conf.task_queues = [Queue("celery", queue_arguments={"x-queue-type": "quorum"})]
    app.conf.task_default_exchange_type = "topic"
    with Bench(app, profile="rabbitmq") as bench:
        bench.node("a", concurrency=1, prefetch_multiplier=1)
        for _ in range(3):
            nap.delay(10)
        bench.drain()
        assert [start for start, _, _ in seconds(bench)] == [0.0, 10.0, 20.0]
