"""Real servers, of which each test run has a part of its own. Without one a test skips; with `CI=true` it fails."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import Message
from pathlib import Path
from typing import Any, NoReturn

import psycopg
import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Message as MessageHandler

sys.path.insert(0, str(Path(__file__).parents[4] / "tests/shared"))

HOST = "127.0.0.1"
POSTGRES = f"postgres://postgres@{HOST}:5432"
ANSWER_SECONDS = 2


class Mails(MessageHandler):
    """Keeps what a mail server accepted, so that a test can wait for it."""

    def __init__(self) -> None:
        super().__init__()
        self.accepted: list[Message] = []
        self._new = threading.Condition()

    def handle_message(self, message: Message) -> None:
        with self._new:
            self.accepted.append(message)
            self._new.notify_all()

    def wait_for(self, recipient: str, subject: str, seconds: float = 60) -> Message:
        """The first mail to somebody with that in its subject, also if it came before."""
        with self._new:
            if self._new.wait_for(lambda: self.find(recipient, subject), seconds):
                return self.find(recipient, subject)[0]
            came = [(mail["X-RcptTo"], mail["Subject"]) for mail in self.accepted]
        pytest.fail(f"no mail about {subject!r} came to {recipient} within {seconds} s, only {came}", pytrace=False)

    def find(self, recipient: str, subject: str) -> list[Message]:
        """The mails to somebody with that in their subject, so far."""
        return [mail for mail in self.accepted if mail["X-RcptTo"] == recipient and subject in mail["Subject"]]


class AnyPort(Controller):
    """A mail server on whichever port is free."""

    def _trigger_server(self) -> None:
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


@pytest.fixture(scope="session")
def own_name() -> str:
    """A name that no other test run uses."""
    return f"loans_{os.getpid()}_{os.environ.get('PYTEST_XDIST_WORKER', 'main')}"


@pytest.fixture
def mails() -> Iterator[tuple[str, Mails]]:
    """The URL of a mail server, and what it accepted."""
    handler = Mails()
    server = AnyPort(handler, hostname=HOST, port=0)
    server.start()
    try:
        yield f"smtp://{HOST}:{server.port}", handler
    finally:
        server.stop()


@pytest.fixture(scope="module")
def postgres() -> Iterator[psycopg.Connection]:
    """A connection to PostgreSQL, for making databases."""
    require_answer("PostgreSQL", 5432)
    try:
        connection = psycopg.connect(f"{POSTGRES}/postgres", autocommit=True, connect_timeout=ANSWER_SECONDS)
    except psycopg.OperationalError as error:
        give_up(f"PostgreSQL does not let user postgres in without a password: {error}")
    with connection:
        yield connection


@contextmanager
def database(postgres: psycopg.Connection, name: str, *, like: str = "template1") -> Iterator[str]:
    """The URL of a database that is like another one, and gone when the block ends."""
    postgres.execute(f'CREATE DATABASE "{name}" TEMPLATE "{like}"')
    try:
        yield f"{POSTGRES}/{name}"
    finally:
        postgres.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture
def redis_url() -> Iterator[str]:
    """The URL of an empty Redis database."""
    require_answer("Redis", 6379)
    from redis_databases import NoDatabase, own_database

    try:
        with own_database() as database:
            yield database.url
    except NoDatabase as none:
        give_up(str(none))


@pytest.fixture
def rabbitmq_url(own_name: str) -> Iterator[str]:
    """The URL of a RabbitMQ virtual host without queues."""
    require_answer("RabbitMQ", 5672)
    if shutil.which("rabbitmqctl") is None:
        give_up("rabbitmqctl is not on the PATH, so the tests cannot have a virtual host of their own")
    if complaint := rabbitmqctl("add_vhost", own_name):
        give_up(complaint)
    try:
        if complaint := rabbitmqctl("set_permissions", "-p", own_name, "guest", ".*", ".*", ".*"):
            give_up(complaint)
        yield f"amqp://guest:guest@{HOST}:5672/{own_name}"
    finally:
        complaint = rabbitmqctl("delete_vhost", own_name)
    assert complaint == ""


@pytest.fixture(params=["rabbitmq", "redis"])
def broker_url(request: pytest.FixtureRequest) -> Any:
    """The URL of each broker in turn."""
    return request.getfixturevalue(f"{request.param}_url")


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
