"""Retries happen when Celery says so, to the second."""

from __future__ import annotations

import itertools
from datetime import timedelta
from typing import Any

import pytest
from celery import Celery, Task
from celery.exceptions import MaxRetriesExceededError, Retry

from coldframe import Bench, NeverEnds, RabbitMQ

PROFILES = ["rabbitmq", "redis"]


def gaps(bench: Bench, task: str) -> list[float]:
    """The seconds between the starts of the attempts."""
    starts = [run.started_at for run in bench.runs(task)]
    return [(b - a).total_seconds() for a, b in itertools.pairwise(starts) if a and b]


@pytest.mark.parametrize("profile", PROFILES)
def test_retry_waits_three_minutes_by_default_and_three_times(app: Celery, profile: str) -> None:
    @app.task(name="shop.charge", bind=True)
    def charge(self: Any) -> None:
        try:
            raise ConnectionError("down")
        except ConnectionError as error:
            raise self.retry(exc=error) from error

    with Bench(app, profile=profile) as bench:
        result = charge.delay()
        with pytest.raises(ConnectionError, match="down"):
            result.get()
        assert gaps(bench, "charge") == [180.0, 180.0, 180.0]
        assert [run.state for run in bench.runs("charge")] == ["RETRY", "RETRY", "RETRY", "FAILURE"]
        assert [run.retries for run in bench.runs("charge")] == [0, 1, 2, 3]
        assert len({run.task_id for run in bench.runs("charge")}) == 1


def test_without_an_exception_at_hand_the_last_retry_says_so(app: Celery) -> None:
    @app.task(name="shop.charge", bind=True, max_retries=1)
    def charge(self: Any) -> None:
        raise self.retry(countdown=5)

    with Bench(app) as bench:
        with pytest.raises(MaxRetriesExceededError, match=r"Can't retry shop\.charge\[.*\] args:\(\) kwargs:\{\}"):
            charge.delay().get()
        assert gaps(bench, "charge") == [5.0]


def test_autoretry_backs_off_exponentially_up_to_its_limit(app: Celery) -> None:
    @app.task(
        name="shop.charge",
        autoretry_for=(ConnectionError,),
        retry_backoff=10,
        retry_backoff_max=60,
        retry_jitter=False,
        max_retries=5,
    )
    def charge() -> None:
        raise ConnectionError("down")

    with Bench(app) as bench:
        with pytest.raises(ConnectionError, match="down"):
            charge.delay().get()
        assert gaps(bench, "charge") == [10.0, 20.0, 40.0, 60.0, 60.0]


@pytest.mark.parametrize("seed", [1, 2])
def test_jitter_follows_the_seed(app: Celery, seed: int) -> None:
    @app.task(name="shop.charge", autoretry_for=(ConnectionError,), retry_backoff=100, max_retries=4)
    def charge() -> None:
        raise ConnectionError("down")

    def waits(chosen: int) -> list[float]:
        with Bench(app, seed=chosen, failures="collect") as bench:
            charge.delay()
            bench.drain()
            return gaps(bench, "charge")

    first = waits(seed)
    assert first == waits(seed)
    assert first != waits(seed + 10)
    assert all(wait <= limit for wait, limit in zip(first, (100, 200, 400, 600), strict=True))


def test_what_is_not_listed_is_not_retried(app: Celery) -> None:
    @app.task(name="shop.charge", autoretry_for=(Exception,), dont_autoretry_for=(KeyError,), default_retry_delay=7)
    def charge(kind: str) -> None:
        raise {"key": KeyError, "value": ValueError}[kind]("gone")

    with Bench(app, failures="collect") as bench:
        charge.delay("key")
        bench.drain()
        assert [run.state for run in bench.runs("charge")] == ["FAILURE"]
        charge.delay("value")
        bench.drain()
        assert [run.state for run in bench.runs("charge")] == ["FAILURE", "RETRY", "RETRY", "RETRY", "FAILURE"]
        assert gaps(bench, "charge")[1:] == [7.0, 7.0, 7.0]


def test_a_retry_may_change_arguments_queue_and_limits(app: Celery) -> None:
    @app.task(name="shop.charge", bind=True)
    def charge(self: Task[..., Any], amount: int) -> int:
        if amount > 1:
            raise self.retry(args=(amount - 1,), queue="slow", countdown=amount, max_retries=9)
        return amount

    with Bench(app) as bench:
        bench.node("fast", queues=["celery"])
        bench.node("slow", queues=["slow"])
        assert charge.delay(3).get() == 1
        assert [(run.args, run.node) for run in bench.runs()] == [((3,), "fast"), ((2,), "slow"), ((1,), "slow")]
        assert gaps(bench, "charge") == [3.0, 2.0]


def test_a_retry_with_a_moment(app: Celery) -> None:
    @app.task(name="shop.charge", bind=True)
    def charge(self: Any, moment: str) -> str:
        if self.request.retries == 0:
            raise self.retry(eta=bench.now + timedelta(hours=5))
        return moment

    with Bench(app, profile=RabbitMQ(consumer_timeout=None)) as bench:
        assert charge.delay("now").get() == "now"
        assert gaps(bench, "charge") == [5 * 3600.0]


def test_the_state_between_attempts_is_retry_with_its_reason(app: Celery) -> None:
    @app.task(name="shop.charge", bind=True)
    def charge(self: Any) -> None:
        raise self.retry(exc=ConnectionError("down"), countdown=60)

    with Bench(app, failures="collect") as bench:
        result = charge.delay()
        bench.settle()
        assert result.state == "RETRY"
        assert repr(result.result) == "ConnectionError('down')"
        (run,) = bench.runs("charge")
        assert isinstance(run.exception, Retry)
        bench.assert_queued("charge", eta=timedelta(seconds=60))


def test_a_task_that_retries_for_ever_is_told(app: Celery) -> None:
    @app.task(name="shop.poll", bind=True, max_retries=None)
    def poll(self: Any) -> None:
        raise self.retry(countdown=60)

    with Bench(app, longest_chain=50, unread="collect") as bench:
        poll.delay()
        with pytest.raises(NeverEnds, match=r"shop\.poll \[.*\] is tried again for ever: this was try number 50"):
            bench.drain()
        bench.kill("celery")


def test_a_retry_in_a_chain_keeps_the_rest_of_the_chain(app: Celery) -> None:
    @app.task(name="shop.charge", bind=True)
    def charge(self: Any) -> int:
        if self.request.retries < 2:
            raise self.retry(countdown=30)
        return 5

    @app.task(name="shop.thank")
    def thank(amount: int) -> str:
        return f"thanks for {amount}"

    with Bench(app) as bench:
        assert (charge.s() | thank.s()).delay().get() == "thanks for 5"
        bench.assert_ran("thank", times=1)


def test_a_default_retry_countdown_of_the_task(app: Celery) -> None:
    @app.task(name="shop.charge", autoretry_for=(ValueError,), retry_kwargs={"max_retries": 1, "countdown": 11})
    def charge() -> None:
        raise ValueError("no")

    with Bench(app, failures="collect") as bench:
        charge.delay()
        bench.drain()
        assert gaps(bench, "charge") == [11.0]
