"""When messages are acknowledged, and what comes back."""

# ruff: noqa: TID251 - tasks on an open bench sleep in virtual time
from __future__ import annotations

import os
import sys
import time
from typing import Any

import pytest
from celery import Celery
from celery.exceptions import Ignore, Reject, WorkerLostError

from coldframe import Bench

PROFILES = ["rabbitmq", "redis"]


def acked_after(bench: Bench) -> list[float]:
    """How long after its start each task was acknowledged."""
    starts = {run.task_id: run.started_at for run in bench.runs()}
    acks = [event for event in bench.trace if type(event).__name__ == "Acked"]
    return [(event.when - starts[event.task_id]).total_seconds() for event in acks]


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize(("late", "expected"), [(False, [0.0]), (True, [10.0])])
def test_a_message_is_acknowledged_before_or_after_its_task(
    app: Celery, profile: str, late: bool, expected: list[float]
) -> None:
    @app.task(name="shop.nap", acks_late=late)
    def nap() -> None:
        time.sleep(10)

    with Bench(app, profile=profile) as bench:
        nap.delay()
        bench.drain()
        assert acked_after(bench) == expected


@pytest.mark.parametrize("profile", PROFILES)
def test_late_acks_for_the_whole_app(app: Celery, profile: str) -> None:
    app.conf.task_acks_late = True

    @app.task(name="shop.nap")
    def nap() -> None:
        time.sleep(10)

    with Bench(app, profile=profile) as bench:
        nap.delay()
        bench.drain()
        assert acked_after(bench) == [10.0]


@pytest.mark.parametrize("profile", PROFILES)
def test_a_late_task_that_fails_is_acknowledged_unless_told_otherwise(app: Celery, profile: str) -> None:
    @app.task(name="shop.fail", bind=True, acks_late=True)
    def fail(self: Any) -> str:
        if self.request.delivery_info.get("redelivered"):
            return "second time"
        raise ValueError("no")

    with Bench(app, profile=profile, failures="collect") as bench:
        fail.delay()
        bench.drain()
        assert [run.state for run in bench.runs()] == ["FAILURE"]
        fail.acks_on_failure_or_timeout = False
        fail.delay()
        bench.drain()
        # Neither broker gives a message back that was rejected without requeueing.
        assert [run.state for run in bench.runs()] == ["FAILURE", "FAILURE"]


@pytest.mark.parametrize("profile", PROFILES)
def test_a_rejected_message_comes_back_or_is_gone(app: Celery, profile: str) -> None:
    @app.task(name="shop.refuse", bind=True, acks_late=True)
    def refuse(self: Any, requeue: bool) -> str:
        if self.request.delivery_info.get("redelivered"):
            return "second time"
        raise Reject("not now", requeue=requeue)

    with Bench(app, profile=profile) as bench:
        first, second = refuse.delay(True), refuse.delay(False)
        bench.drain()
        assert [(run.args, run.state, run.redelivered) for run in bench.runs()] == [
            ((True,), "REJECTED", False),
            ((False,), "REJECTED", False),
            ((True,), "SUCCESS", True),
        ]
        assert (first.state, second.state) == ("SUCCESS", "FAILURE")


def test_a_dead_letter_exchange_gets_what_was_rejected(app: Celery) -> None:
    from kombu import Exchange, Queue

    letters = Exchange("letters", type="direct")
    arguments = {"x-dead-letter-exchange": "letters", "x-dead-letter-routing-key": "dead"}
    app.conf.task_queues = [
        Queue("celery", Exchange("celery"), "celery", queue_arguments=arguments),
        Queue("dead", letters, "dead"),
    ]

    @app.task(name="shop.refuse", bind=True, acks_late=True)
    def refuse(self: Any) -> str:
        if self.request.delivery_info["routing_key"] == "dead":
            return "buried"
        raise Reject("never", requeue=False)

    with Bench(app) as bench:
        bench.node("web", queues=["celery"])
        bench.node("undertaker", queues=["dead"])
        result = refuse.delay()
        bench.drain()
        assert result.get() == "buried"
        assert [(run.node, run.state) for run in bench.runs()] == [("web", "REJECTED"), ("undertaker", "SUCCESS")]


@pytest.mark.parametrize("late", [False, True])
def test_an_ignored_task_leaves_its_state_to_itself(app: Celery, late: bool) -> None:
    @app.task(name="shop.custom", bind=True, acks_late=late)
    def custom(self: Any) -> None:
        self.update_state(state="BAKING", meta={"done": 3})
        raise Ignore

    with Bench(app) as bench:
        result = custom.delay()
        bench.drain()
        assert (result.state, result.info) == ("BAKING", {"done": 3})
        assert [run.state for run in bench.runs()] == ["IGNORED"]
        assert acked_after(bench) == [0.0]


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize(
    ("late", "reject", "states"),
    [(False, False, ["LOST"]), (True, False, ["LOST"]), (True, True, ["LOST", "SUCCESS"])],
)
def test_a_lost_process(app: Celery, profile: str, late: bool, reject: bool, states: list[str]) -> None:
    @app.task(name="shop.crash", bind=True, acks_late=late, reject_on_worker_lost=reject)
    def crash(self: Any) -> str:
        if not self.request.delivery_info.get("redelivered"):
            os._exit(3)
        return "second time"

    with Bench(app, profile=profile) as bench:
        result = crash.delay()
        if reject:
            assert result.get() == "second time"
        else:
            with pytest.raises(WorkerLostError, match=r"Worker exited prematurely: exitcode 3 Job: 0\."):
                result.get()
        assert [run.state for run in bench.runs()] == states


def test_sys_exit_in_a_task_is_a_failure_with_its_own_name(app: Celery) -> None:
    @app.task(name="shop.leave")
    def leave() -> None:
        sys.exit(4)

    with Bench(app, failures="collect") as bench:
        result = leave.delay()
        bench.drain()
        assert repr(result.result) == "WorkerLostError('Worker exited prematurely: exitcode 4.')"
        assert [(run.state, run.process) for run in bench.runs()] == [("LOST", "celery/1")]


@pytest.mark.parametrize("late", [False, True])
def test_a_killed_node_gives_back_what_it_had_not_acknowledged(app: Celery, late: bool) -> None:
    @app.task(name="shop.nap", acks_late=late)
    def nap(number: int) -> int:
        time.sleep(10)
        return number

    with Bench(app) as bench:
        bench.node("one", concurrency=1, prefetch_multiplier=2)
        for number in (1, 2, 3):
            nap.delay(number)
        bench.advance(seconds=4)
        bench.kill("one")
        bench.node("two")
        bench.drain()
        runs = [(run.node, run.args[0], run.state, run.redelivered) for run in bench.runs()]
        first = [("two", 1, "SUCCESS", True)] if late else []
        again = [("two", 2, "SUCCESS", True), ("two", 3, "SUCCESS", not late)]
        assert runs == [("one", 1, "LOST", False), *first, *again]


@pytest.mark.filterwarnings("ignore::celery.exceptions.CPendingDeprecationWarning")
@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize(("concurrency", "paid"), [(1, 1), (2, 2)])
def test_a_duplicate_is_skipped_if_the_first_run_has_ended(
    app: Celery, profile: str, concurrency: int, paid: int
) -> None:
    app.conf.worker_deduplicate_successful_tasks = True
    seen: list[str] = []

    @app.task(name="shop.pay", acks_late=True)
    def pay() -> None:
        seen.append("paid")
        time.sleep(10)

    with Bench(app, profile=profile) as bench:
        bench.node("one", concurrency=concurrency)
        pay.delay()
        bench.advance(seconds=4)
        bench.disconnect("one")
        bench.drain()
        # The copy comes at once: it waits for the only process, or runs beside the first.
        assert len(seen) == paid
        assert [run.redelivered for run in bench.runs()] == [False, True]
