"""A test run opens thousands of benches in one process: none may leave anything behind."""

from __future__ import annotations

import gc
import logging
import os
import subprocess
import sys
import threading
import time
import tracemalloc
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import celery.signals
import pytest
from celery import Celery, signals
from celery.utils.dispatch import Signal

from coldframe import Bench
from coldframe._core.scheduler import GRAVEYARD

WARM_UP = 25
BENCHES = 1_000
#: Lists and caches that grow by doubling, and interned names, make some difference that does not go on.
SLACK = 100

Life = Callable[[Celery, Bench], Any]


def run_a_task(app: Celery, bench: Bench) -> None:
    assert app.tasks["shop.add"].delay(1, 2).get() == 3


def leave_an_eta_task(app: Celery, bench: Bench) -> None:
    run_a_task(app, bench)
    app.tasks["shop.add"].apply_async((1, 2), countdown=1000)
    bench.settle()


def revoke(app: Celery, bench: Bench) -> None:
    revoked = app.tasks["shop.add"].apply_async((1, 2), countdown=1000)
    bench.settle()
    revoked.revoke()
    bench.drain()


def inspect(app: Celery, bench: Bench) -> None:
    run_a_task(app, bench)
    assert app.control.inspect().ping() == {"worker@coldframe": {"ok": "pong"}}


def log_and_fail(app: Celery, bench: Bench) -> None:
    app.tasks["shop.fail"].delay()
    bench.expect_failure(ValueError)
    bench.drain()


def kill_the_idle_node(app: Celery, bench: Bench) -> None:
    run_a_task(app, bench)
    bench.kill("worker")


LIVES: list[Life] = [run_a_task, leave_an_eta_task, revoke, inspect, log_and_fail, kill_the_idle_node]


@pytest.fixture
def shop(app: Celery) -> Celery:
    @app.task(name="shop.add", shared=False, acks_late=True)
    def add(x: int, y: int) -> int:
        return x + y

    @app.task(name="shop.fail", shared=False)
    def fail() -> None:
        raise ValueError("no")

    @app.task(name="shop.nap", shared=False)
    def nap(log: list[str]) -> None:
        try:
            time.sleep(30)  # noqa: TID251
        finally:
            ENDED.append("nap")

    return app


ENDED: list[str] = []


def live(app: Celery, life: Life) -> None:
    with Bench(app) as bench:
        bench.node("worker", concurrency=2)
        life(app, bench)


@pytest.fixture(autouse=True)
def no_captured_logs() -> Iterator[None]:
    """pytest keeps each log record, and with it the frames of its exception."""
    logging.disable()
    gc.collect()
    yield
    logging.disable(logging.NOTSET)
    gc.collect()


def objects_by_type() -> Counter[str]:
    gc.collect()
    return Counter(f"{type(item).__module__}.{type(item).__qualname__}" for item in gc.get_objects())


def resources() -> dict[str, object]:
    found = {name: value for name, value in vars(celery.signals).items() if isinstance(value, Signal)}
    return {
        "files": len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0,
        "threads": sorted(thread.name for thread in threading.enumerate()),
        "receivers": {name: len(value.receivers) for name, value in found.items()},
        "cached senders": {
            name: len(value.sender_receivers_cache) for name, value in found.items() if value.use_caching
        },
        "graveyard": len(GRAVEYARD),
    }


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_thousand_benches_leave_no_objects_and_no_resources(shop: Celery) -> None:
    for _ in range(WARM_UP):
        for life in LIVES:
            live(shop, life)
    before, held = objects_by_type(), resources()
    for number in range(BENCHES):
        live(shop, LIVES[number % len(LIVES)])
    after = objects_by_type()
    assert {name: after[name] - before[name] for name in after if after[name] - before[name] > SLACK} == {}
    assert resources() == held


def test_the_memory_of_a_bench_is_free_when_it_is_closed() -> None:
    # In a process of its own: caches that other tests left half full still fill a little.
    options = ["-q", "-n", "0", "-p", "no:cacheprovider", "-o", "python_functions=check_*"]
    command = [sys.executable, "-m", "pytest", *options, __file__]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert "1 passed" in done.stdout, done.stdout


def check_the_memory_of_closed_benches(shop: Celery) -> None:
    for life in LIVES * 4:
        live(shop, life)
    tracemalloc.start()
    try:
        for life in LIVES * 2:
            live(shop, life)
        gc.collect()
        before = tracemalloc.get_traced_memory()[0]
        for life in LIVES * 10:
            live(shop, life)
        gc.collect()
        grown = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert grown < 60 * 1024, f"{grown / 60:.0f} bytes for each bench"


def sleep_through_the_end(app: Celery, bench: Bench) -> None:
    app.tasks["shop.nap"].delay([])
    bench.settle()


def kill_the_sleeping_node(app: Celery, bench: Bench) -> None:
    sleep_through_the_end(app, bench)
    bench.kill("worker")


@pytest.mark.parametrize("life", [sleep_through_the_end, kill_the_sleeping_node])
def test_a_task_in_the_middle_never_ends_and_holds_nothing_but_itself(shop: Celery, life: Life) -> None:
    for _ in range(3):
        live(shop, life)
    ENDED.clear()
    buried, before = len(GRAVEYARD), objects_by_type()
    for _ in range(20):
        live(shop, life)
    after = objects_by_type()
    assert ENDED == []
    assert len(GRAVEYARD) - buried == 20
    kept = {name.rpartition(".")[2]: (after[name] - before[name]) / 20 for name in after}
    assert [
        kept.get(name, 0) for name in ("Worker", "Consumer", "Hub", "Pool", "Queue", "Published", "RedisServer")
    ] == [0] * 7


def test_a_drained_bench_buries_nothing(shop: Celery) -> None:
    buried = len(GRAVEYARD)
    with Bench(shop) as bench:
        shop.tasks["shop.nap"].delay([])
        bench.drain()
    assert len(GRAVEYARD) == buried


def test_no_code_of_the_user_runs_when_a_bench_is_closed(shop: Celery) -> None:
    ENDED.clear()
    called: list[str] = []
    names = ("worker_shutting_down", "worker_shutdown", "worker_process_shutdown", "task_postrun", "task_failure")
    with Bench(shop) as bench:
        for name in names:
            getattr(signals, name).connect(lambda name=name, **rest: called.append(name), weak=False)
        sleep_through_the_end(shop, bench)
        events = len(bench.trace)
    assert (called, ENDED, len(bench.trace) - events) == ([], [], 0)
