"""Stands in for the conftest.py of Celery's own integration suite: the same tests, on a bench.

Celery's suite is public and not part of this repository. `README.md` beside this file tells how to run it.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from celery import Celery
from celery.contrib.pytest import celery_app, celery_session_app
from celery.contrib.testing.manager import Manager

from coldframe import Bench
from coldframe._celery import world as worlds
from coldframe._celery.redis_client import RedisClient
from coldframe._core.moments import seconds_to_micros

TEST_BROKER = "pyamqp://"
TEST_BACKEND = "redis://localhost/0"

#: A pool process of a real worker takes some time to begin; a test asks for strictly more than an ETA.
LATENCY = timedelta(microseconds=500)

__all__ = ("celery_app", "celery_session_app", "flaky", "get_active_redis_channels")


def flaky(function: Any) -> Any:
    """The suite reruns its tests; on a bench nothing is flaky."""
    return function


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
        time.sleep(interval)
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
    opened = Bench(suite_app, celery_app, profile="rabbitmq", failures="collect", unread="collect")
    with opened as bench:
        bench.node("celery", app=suite_app, concurrency=2, queues=["celery"], task_events=True)
        bench.settle()
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
