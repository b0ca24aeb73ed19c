"""Real servers for the tests that compare the bench with them: each test run has a place of its own there.

Without a server a test skips and says why; with `CI=true` it fails, because there the servers must be.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import pytest

sys.path.insert(0, str(Path(__file__).parent / "shared"))

if TYPE_CHECKING:
    from redis_databases import OwnDatabase

HOST = "127.0.0.1"
REDIS_PORT, RABBITMQ_PORT, POSTGRES_PORT = 6379, 5672, 5432
ANSWER_SECONDS = 2


@pytest.fixture(autouse=True)
def own_shared_tasks() -> Iterator[None]:
    """Celery gives the tasks of one app to every app that is made later in the process: here not beyond a test."""
    from celery import _state

    held = set(_state._on_app_finalizers)
    yield
    _state._on_app_finalizers.clear()
    _state._on_app_finalizers.update(held)


@pytest.fixture(scope="session")
def own_name(worker_id: str) -> str:
    """A name that no other test run and no other xdist worker uses: `coldframe_<pid>_<worker>`."""
    return f"coldframe_{os.getpid()}_{worker_id}"


@pytest.fixture(scope="session")
def redis_database() -> Iterator[OwnDatabase]:
    """A Redis database that is this run's alone."""
    require_answer("Redis", REDIS_PORT)
    from redis_databases import NoDatabase, own_database

    try:
        with own_database() as database:
            yield database
    except NoDatabase as none:
        give_up(str(none))


@pytest.fixture
def redis_url(redis_database: OwnDatabase) -> str:
    """The URL of a Redis database that is empty when the test begins."""
    redis_database.empty()
    return redis_database.url


@pytest.fixture(scope="session")
def rabbitmq_url(own_name: str) -> Iterator[str]:
    """The URL of a RabbitMQ virtual host that is this run's alone; its queues last until the run ends."""
    require_answer("RabbitMQ", RABBITMQ_PORT)
    if shutil.which("rabbitmqctl") is None:
        give_up("rabbitmqctl is not on the PATH, so the tests cannot have a virtual host of their own")
    if complaint := rabbitmqctl("add_vhost", own_name):
        give_up(complaint)
    try:
        if complaint := rabbitmqctl("set_permissions", "-p", own_name, "guest", ".*", ".*", ".*"):
            give_up(complaint)
        yield f"amqp://guest:guest@{HOST}:{RABBITMQ_PORT}/{own_name}"
    finally:
        complaint = rabbitmqctl("delete_vhost", own_name)
    assert complaint == ""


@pytest.fixture(scope="session")
def postgres_dsn(own_name: str) -> Iterator[str]:
    """The DSN of a PostgreSQL database that is this run's alone, dropped at the end."""
    require_answer("PostgreSQL", POSTGRES_PORT)
    import psycopg

    server = f"postgresql://postgres@{HOST}:{POSTGRES_PORT}"
    try:
        connection = psycopg.connect(f"{server}/postgres", autocommit=True, connect_timeout=ANSWER_SECONDS)
    except psycopg.OperationalError as error:
        give_up(f"PostgreSQL does not let user postgres in without a password: {error}")
    with connection:
        connection.execute(f'CREATE DATABASE "{own_name}"')
        try:
            yield f"{server}/{own_name}"
        finally:
            connection.execute(f'DROP DATABASE IF EXISTS "{own_name}" WITH (FORCE)')


def require_answer(server: str, port: int) -> None:
    """Skip the test, or fail it in CI, unless something answers on the port."""
    try:
        socket.create_connection((HOST, port), timeout=ANSWER_SECONDS).close()
    except OSError as error:
        give_up(f"{server} does not answer on {HOST}:{port}: {error}")


def give_up(reason: str) -> NoReturn:
    """Skip with a reason, or fail in CI."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


def rabbitmqctl(*arguments: str) -> str:
    """Administer RabbitMQ; what it complained of, or nothing."""
    command = ["rabbitmqctl", "--quiet", *arguments]
    done = subprocess.run(command, check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60)
    return f"{' '.join(command)!r} failed: {done.stderr.strip() or done.stdout.strip()}" if done.returncode else ""
