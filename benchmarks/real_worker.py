"""The same tests with an embedded real worker on a real Redis server."""

from __future__ import annotations

import warnings
from typing import Any

import redis
from celery import Celery
from celery.contrib.testing.worker import start_worker
from measuring import Row, Section, each, interleaved, micros, millis, wall_seconds
from projects import one_task, trivial

from coldframe import Bench

TITLE = "Against an embedded worker on a real Redis server (celery.contrib.testing.worker.start_worker)"
URL = "redis://127.0.0.1:6379/0"
#: All keys begin with it, so that nothing else on the server is touched, and they are deleted at the end.
PREFIX = "coldframe-benchmarks:"
ROUNDS = 11
TASKS = 100
LOOP_TARGET = 5
TEST_TARGET = 50


def measure() -> Section:
    server = redis.Redis.from_url(URL, socket_connect_timeout=1)
    try:
        server.ping()
    except redis.ConnectionError:
        return Section(TITLE, skipped="no server answers at 127.0.0.1:6379")
    try:
        return Section(TITLE, _rows(_app()))
    finally:
        for key in server.scan_iter(f"{PREFIX}*"):
            server.delete(key)
        server.close()


def _app() -> Celery:
    app = trivial("embedded", broker=URL, backend=URL)
    app.conf.broker_transport_options = {"global_keyprefix": PREFIX}
    app.conf.result_backend_transport_options = {"global_keyprefix": PREFIX}
    return app


def _rows(app: Celery) -> tuple[Row, Row]:
    _whole_test_for_real(app)
    loop, loop_for_real = interleaved(ROUNDS, lambda: _loop(app), lambda: _loop_for_real(app))
    test, test_for_real = interleaved(ROUNDS, lambda: _whole_test(app), lambda: _whole_test_for_real(app))
    return (
        Row(
            what=f"delay().get(), {TASKS} times",
            bench=f"{micros(loop)} each",
            compared=f"real worker {micros(loop_for_real)} each",
            ratio=f"{loop_for_real / loop:.1f} times as fast",
            target=f"at least {LOOP_TARGET} times",
            met=loop_for_real / loop >= LOOP_TARGET,
        ),
        Row(
            what="a whole test: open, one task, close",
            bench=millis(test),
            compared=f"real worker {millis(test_for_real)}",
            ratio=f"{test_for_real / test:.0f} times as fast",
            target=f"at least {TEST_TARGET} times",
            met=test_for_real / test >= TEST_TARGET,
        ),
    )


def _round_trip(app: Celery) -> Any:
    return lambda number: one_task(app).delay(number, 1).get(timeout=10)


def _loop(app: Celery) -> float:
    with Bench(app):
        each(TASKS // 10, _round_trip(app))
        return each(TASKS, _round_trip(app), wall_seconds)


def _loop_for_real(app: Celery) -> float:
    with _embedded_worker(app):
        each(TASKS // 10, _round_trip(app))
        return each(TASKS, _round_trip(app), wall_seconds)


def _whole_test(app: Celery) -> float:
    began = wall_seconds()
    with Bench(app):
        _round_trip(app)(1)
    return wall_seconds() - began


def _whole_test_for_real(app: Celery) -> float:
    began = wall_seconds()
    with _embedded_worker(app):
        _round_trip(app)(1)
    return wall_seconds() - began


def _embedded_worker(app: Celery) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return start_worker(app, perform_ping_check=False, loglevel="ERROR")
