"""Work without end is ended, the wrong place is refused, Ctrl-C reaches the test, and nothing stays patched."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from celery import Celery

from coldframe import Bench
from coldframe.errors import (
    AlreadyOpen,
    NeverEnds,
    TaskFailed,
    TaskStuck,
)

sys.path.insert(0, str(Path(__file__).parent))

from process_state import nothing_left

#: Much less than a second, so that the tests that loop for ever are short.
SOON = 0.3


@pytest.fixture(autouse=True)
def nothing_left_patched(app: Celery) -> Iterator[None]:
    with Bench(app):
        task(app, nothing).delay().get()
    with nothing_left():
        yield


def nothing() -> None:
    """A task."""


def task(app: Celery, body: Callable[..., Any], **options: Any) -> Any:
    return app.task(name=f"shop.{body.__name__}", shared=False, **options)(body)


# --- tasks without end ---------------------------------------------------------------------------------------


def spin() -> None:
    while True:
        pass


def swallow() -> None:
    while True:
        try:  # noqa: SIM105 - as people write it
            sum(range(10))
        except Exception:
            pass


def swallow_everything() -> None:
    while True:
        try:  # noqa: SIM105 - as people write it
            sum(range(10))
        except BaseException:
            pass


@pytest.mark.parametrize("body", [spin, swallow, swallow_everything])
@pytest.mark.parametrize("drive", ["drain", "get"])
def test_a_task_that_loops_for_ever(app: Celery, body: Callable[[], None], drive: str) -> None:
    endless = task(app, body)
    with Bench(app, stuck_after=SOON) as bench:
        result = endless.delay()
        with pytest.raises(
            TaskStuck, match=rf"task shop\.{body.__name__} .* has run for 0\.3 s .*\n  hint: it loops for ever"
        ):
            bench.drain() if drive == "drain" else result.get()


@pytest.mark.parametrize("countdown", [None, 60])
def test_tasks_that_send_each_other_for_ever(app: Celery, countdown: int | None) -> None:
    def ping() -> None:
        pong_task.apply_async(countdown=countdown)

    def pong() -> None:
        ping_task.apply_async(countdown=countdown)

    ping_task, pong_task = task(app, ping), task(app, pong)
    with Bench(app, longest_chain=100) as bench:
        ping_task.delay()
        text = r"shop\.ping is the 100th task in a chain .*\n  hint: if it polls on purpose, use bench\.advance"
        with pytest.raises(NeverEnds, match=text):
            bench.drain()


def test_a_task_that_is_tried_again_for_ever(app: Celery) -> None:
    def again(self: Any) -> None:
        raise self.retry(countdown=10)

    endless = task(app, again, bind=True, max_retries=None)
    with Bench(app, longest_chain=100) as bench:
        endless.delay()
        with pytest.raises(
            NeverEnds, match=r"shop\.again \[.*\] is tried again for ever: .* 100\n  hint: give it a max_retries"
        ):
            bench.drain()


# --- from the wrong place ------------------------------------------------------------------------------------


def test_driving_the_bench_from_inside_a_task(app: Celery) -> None:
    def drive() -> None:
        bench.advance(5)

    with Bench(app) as bench:
        task(app, drive).delay()
        with pytest.raises(
            TaskFailed, match=r"(?s)driven by 'celery/1', from inside a task.*hint: only the test moves time"
        ):
            bench.drain()


def in_a_thread(app: Celery, call: Callable[[], object]) -> list[BaseException]:
    errors: list[BaseException] = []

    def run() -> None:
        try:
            call()
        except BaseException as error:
            errors.append(error)

    with Bench(app, unread="collect"):
        thread = threading.Thread(target=run)
        thread.start()
        thread.join()
    return errors


def test_driving_the_bench_or_waiting_on_it_from_another_thread(app: Celery) -> None:
    sent = task(app, nothing)
    (error,) = in_a_thread(app, lambda: sent.delay().get(timeout=1))
    assert str(error) == (
        "a thread of its own waited on the bench, or drove it, and only the thread that opened it can\n"
        "  hint: send tasks from threads if you like, but wait for their results in the test itself"
    )


def test_a_bench_in_a_thread_while_one_is_open(app: Celery) -> None:
    errors = in_a_thread(app, lambda: Bench(app).__enter__())
    assert [type(error) for error in errors] == [AlreadyOpen]


def test_a_thread_may_send_tasks(app: Celery) -> None:
    sent = task(app, nothing)
    with Bench(app) as bench:
        thread = threading.Thread(target=sent.delay)
        thread.start()
        thread.join()
        assert bench.drain().succeeded == 1


def test_a_bench_inside_a_running_event_loop(app: Celery) -> None:
    async def run() -> object:
        with Bench(app) as bench:
            began = bench.now
            result = task(app, nothing).delay()
            bench.drain()
            await asyncio.sleep(5)
            assert bench.now - began == timedelta(seconds=5)
            return result.state

    assert asyncio.run(run()) == "SUCCESS"


# --- interrupted ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [LookupError, KeyboardInterrupt, SystemExit])
def test_what_the_body_raises_is_what_is_raised(app: Celery, kind: type[BaseException]) -> None:
    def fail() -> None:
        raise ValueError("no")

    with pytest.raises(kind, match="the body's own"), Bench(app, stuck_after=SOON) as bench:
        task(app, nothing).apply_async(queue="mial")
        task(app, fail).delay()
        try:
            bench.settle()
        finally:
            raise kind("the body's own")


def test_ctrl_c_while_a_task_computes_ends_the_test_and_not_the_task(app: Celery) -> None:
    ended: list[str] = []

    def compute() -> None:
        ready.set()
        try:
            while True:
                pass
        except BaseException as error:
            ended.append(repr(error))
            raise
        finally:
            ended.append("finally")

    def press() -> None:
        ready.wait(10)
        os.kill(os.getpid(), signal.SIGINT)

    ready = threading.Event()
    thread = threading.Thread(target=press)
    thread.start()
    with pytest.raises(KeyboardInterrupt, match=r"^$"), Bench(app) as bench:
        task(app, compute).delay()
        bench.drain()
    thread.join()
    assert ended == []


def test_ctrl_c_in_the_test_itself(app: Celery) -> None:
    with pytest.raises(KeyboardInterrupt, match=r"^$"), Bench(app):
        signal.raise_signal(signal.SIGINT)


def test_after_ctrl_c_the_next_bench_works(app: Celery) -> None:
    test_ctrl_c_while_a_task_computes_ends_the_test_and_not_the_task(app)
    with Bench(app) as bench:
        task(app, nothing).delay()
        assert bench.drain().succeeded == 1
