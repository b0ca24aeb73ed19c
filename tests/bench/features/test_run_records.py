"""What `bench.runs()` tells of each attempt."""

# ruff: noqa: TID251 - tasks on an open bench sleep in virtual time
from __future__ import annotations

import logging
import time
from datetime import timedelta
from typing import Any

from celery import Celery
from celery.utils.log import get_task_logger

from coldframe import Bench

START = "2026-03-28T12:00+00:00"


def test_times_node_process_and_arguments(app: Celery) -> None:
    @app.task(name="shop.nap")
    def nap(seconds: float, *, name: str) -> str:
        time.sleep(seconds)
        return name

    with Bench(app, start=START) as bench:
        bench.node("mail", queues=["mail"], concurrency=1)
        nap.apply_async((5,), {"name": "first"}, queue="mail")
        nap.apply_async((3,), {"name": "second"}, queue="mail")
        bench.drain()
        first, second = bench.runs("nap")
        at = bench.now - timedelta(seconds=8)
        assert (first.published_at, first.received_at, first.started_at) == (at, at, at)
        assert (second.published_at, second.received_at) == (at, at)
        assert second.started_at == first.finished_at == at + timedelta(seconds=5)
        assert (second.runtime, second.result) == (timedelta(seconds=3), "second")
        assert (second.node, second.process, second.queue) == ("mail", "mail/1", "mail")
        assert (second.args, second.kwargs, second.attempt, second.retries) == ((3,), {"name": "second"}, 1, 0)
        assert repr(second) == "<Run shop.nap(3, name='second') SUCCESS on 'mail', took 3 s → 'second'>"


def test_the_traceback_is_the_tasks_own(app: Celery) -> None:
    def break_it() -> None:
        raise ValueError("no")

    @app.task(name="shop.fail")
    def fail() -> None:
        break_it()

    with Bench(app, failures="collect") as bench:
        fail.delay()
        bench.drain()
        (run,) = bench.runs("fail")
        assert isinstance(run.exception, ValueError)
        lines = (run.traceback or "").splitlines()
        assert lines[0] == "Traceback (most recent call last):"
        assert lines[-1] == "ValueError: no"
        assert "in break_it" in (run.traceback or "")


def test_log_lines_belong_to_their_run(app: Celery) -> None:
    of_task = get_task_logger("shop.billing")
    plain = logging.getLogger("billing")
    plain.setLevel(logging.DEBUG)

    @app.task(name="shop.charge", bind=True)
    def charge(self: Any, order: int) -> None:
        of_task.warning("charging %s", order)
        time.sleep(10)
        plain.debug("still charging %s", order)
        if not self.request.retries:
            raise self.retry(countdown=1)
        plain.error("charged %(order)s", {"order": order})

    with Bench(app) as bench:
        for order in (1, 2):
            charge.delay(order)
        bench.drain()
        logs = [(run.args[0], run.attempt, run.log) for run in bench.runs("charge")]
        first = ("WARNING shop.billing: charging {0}", "DEBUG billing: still charging {0}")
        second = (*first, "ERROR billing: charged {0}")
        assert sorted(logs) == [
            (order, attempt, tuple(line.format(order) for line in lines))
            for order in (1, 2)
            for attempt, lines in ((1, first), (2, second))
        ]


def test_a_run_without_an_end_is_running(app: Celery) -> None:
    @app.task(name="shop.nap")
    def nap() -> None:
        time.sleep(100)

    with Bench(app) as bench:
        nap.delay()
        bench.advance(seconds=1)
        (run,) = bench.runs("nap")
        assert (run.state, run.finished_at, run.runtime, run.result) == ("RUNNING", None, None, None)
        bench.drain()


def test_the_queue_of_a_run_is_where_it_came_from(app: Celery) -> None:
    from kombu import Exchange, Queue

    app.conf.task_queues = [Queue("mp4", Exchange("media", type="topic"), "video.mp4")]

    @app.task(name="shop.play")
    def play() -> None: ...

    with Bench(app) as bench:
        bench.settle()
        play.apply_async(exchange="media", routing_key="video.mp4")
        bench.drain()
        assert [run.queue for run in bench.runs("play")] == ["mp4"]


def test_runs_can_be_read_when_the_bench_is_closed(app: Celery) -> None:
    @app.task(name="shop.add")
    def add(x: int) -> int:
        return x

    with Bench(app) as bench:
        add.delay(1)
        bench.drain()
    assert [run.result for run in bench.runs(add)] == [1]
