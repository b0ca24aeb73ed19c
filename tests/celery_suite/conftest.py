"""Stands in for the conftest.py of Celery's own integration suite: the same tests, on a bench.

Celery's suite is public and not part of this repository. `README.md` beside this file tells how to run it.
"""

from __future__ import annotations

import logging
import os
import re
import time
from collections.abc import Iterator
from typing import Any

import pytest
from celery import Celery, signals
from celery.contrib.pytest import celery_app, celery_session_app
from celery.contrib.testing.manager import Manager
from celery.utils.nodenames import anon_nodename

from coldframe import Bench
from coldframe._celery import worker_state
from coldframe._celery import world as worlds
from coldframe._celery.redis_client import RedisClient
from coldframe._core.moments import seconds_to_micros

#: As in the suite itself; the profile of the bench follows it.
TEST_BROKER = os.environ.get("TEST_BROKER", "redis://localhost/0")
TEST_BACKEND = "redis://localhost/0"

#: One test expects the microseconds of an ETA to be written out.
START = "2026-01-05T09:00:00.000123+00:00"

#: A pool process of a real worker takes some time to begin; a test asks for strictly more than an ETA.
LATENCY_S = 0.0005

__all__ = ("celery_app", "celery_session_app", "flaky", "get_active_redis_channels")


def flaky(function: Any) -> Any:
    """The suite reruns its tests; on a bench nothing is flaky."""
    return function


def take_some_time(**signal: Any) -> None:
    time.sleep(LATENCY_S)  # noqa: TID251 - virtual


class SuiteRedis(RedisClient):
    """The Redis that the suite's tasks and tests write to: the one that holds the results."""

    def blpop(self, key: str, timeout: float = 0) -> Any:
        world = worlds.current()
        assert world is not None
        deadline = world.scheduler.now + seconds_to_micros(timeout)
        while True:
            value = self.lpop(key)
            if value is not None:
                return key.encode(), value
            if timeout and world.scheduler.now >= deadline:
                return None
            world.scheduler.park(10_000)


def get_redis_connection() -> SuiteRedis:
    world = worlds.current()
    assert world is not None
    server = next(iter(world.redis_servers.values()))
    return SuiteRedis(server)


def get_active_redis_channels() -> Any:
    return get_redis_connection().execute_command("PUBSUB CHANNELS")


def check_for_logs(caplog: Any, message: str, max_wait: float = 1.0, interval: float = 0.1) -> bool:
    start = time.monotonic()
    while time.monotonic() - start < max_wait:
        if any(re.search(message, record.message) for record in caplog.records):
            return True
        time.sleep(interval)  # noqa: TID251 - virtual
    return False


@pytest.fixture(scope="session")
def celery_config() -> dict[str, Any]:
    return {
        "broker_url": TEST_BROKER,
        "result_backend": TEST_BACKEND,
        "result_extended": True,
        "task_create_missing_queues": False,
    }


@pytest.fixture(scope="session")
def celery_enable_logging() -> bool:
    return True


@pytest.fixture(scope="session")
def celery_worker_pool() -> str:
    return "prefork"


@pytest.fixture(scope="session")
def celery_includes() -> set[str]:
    return {"t.integration.tasks"}


@pytest.fixture(scope="session")
def celery_class_tasks() -> list[Any]:
    from t.integration.tasks import ClassBasedAutoRetryTask

    return [ClassBasedAutoRetryTask]


@pytest.fixture(scope="session")
def suite_app(celery_session_app: Celery, celery_includes: set[str], celery_class_tasks: list[Any]) -> Celery:
    for module in celery_includes:
        celery_session_app.loader.import_task_module(module)
    for task in celery_class_tasks:
        celery_session_app.register_task(task)
    return celery_session_app


@pytest.fixture
def app(celery_app: Celery) -> Celery:
    return celery_app


@pytest.fixture
def celery_session_worker(bench: Bench) -> Bench:
    return bench


@pytest.fixture
def bench(suite_app: Celery, celery_app: Celery, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    from t.integration import tasks

    monkeypatch.setattr(tasks, "get_redis_connection", get_redis_connection)
    opened = Bench(suite_app, celery_app, start=START, failures="collect", unread="collect")
    with opened as bench:
        signals.task_prerun.connect(take_some_time, weak=False)
        logging.getLogger("celery").setLevel(logging.INFO)
        node = bench.node(anon_nodename(), app=suite_app, concurrency=1, queues=["celery"], task_events=True)
        # The suite's worker is a thread of the test process, and one test clears its state from there.
        worker_state.WorkerState.current = worlds.current().process.worker_state = node.containers
        node.process.pid = os.getpid()
        assert suite_app.backend is not None
        bench.advance(seconds=2)
        yield bench


@pytest.fixture(autouse=True)
def set_app_current(app: Celery, bench: Bench) -> None:
    app.set_current()
    app.set_default()


@pytest.fixture
def manager(app: Celery, bench: Bench) -> Iterator[Manager]:
    manager = Manager(app)
    yield manager
    manager.wait_until_idle()
