"""The servers that the real worlds run on, and a place of one's own on each.

Redis: a database that nobody else has. RabbitMQ: a virtual host made for this run, or the one in
COLDFRAME_RABBITMQ_URL, which then belongs to the run alone.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import redis
from kombu import Connection

sys.path.insert(0, str(Path(__file__).parents[1] / "shared"))

from redis_databases import URL as REDIS_URL
from redis_databases import OwnDatabase
from redis_databases import own_database as own_database

RABBITMQ_URL = os.environ.get("COLDFRAME_RABBITMQ_URL", "amqp://guest:guest@127.0.0.1:5672")


class NoServer(Exception):
    """A server that a real world needs is not there."""


@dataclass(frozen=True, slots=True)
class Servers:
    """Where the messages and the results of a run go."""

    broker: str
    broker_url: str
    database: OwnDatabase

    @property
    def result_url(self) -> str:
        """Where the results go, on either broker."""
        return self.database.url


def missing(broker: str) -> str | None:
    """Why a run on this broker cannot be, or None when it can."""
    needed = [REDIS_URL] if broker == "redis" else [REDIS_URL, RABBITMQ_URL]
    for url in needed:
        at = urlsplit(url)
        try:
            socket.create_connection((at.hostname or "127.0.0.1", at.port or 0), timeout=1).close()
        except OSError:
            return f"no server answers at {at.hostname}:{at.port}"
    if broker == "rabbitmq" and not urlsplit(RABBITMQ_URL).path and not _control():
        return "rabbitmqctl is not there to make a virtual host; name one for this run alone in COLDFRAME_RABBITMQ_URL"
    return None


@contextlib.contextmanager
def reserved(broker: str, database: OwnDatabase) -> Iterator[Servers]:
    """A place of one's own on the servers, cleaned up at the end."""
    if broker == "redis":
        yield Servers(broker, database.url, database)
    else:
        with _own_virtual_host() as virtual_host:
            yield Servers(broker, virtual_host, database)


def versions_of(servers: Servers) -> dict[str, str]:
    """The servers and the libraries that a run has to do with, as they say themselves."""
    libraries = {"celery": "celery", "kombu": "kombu", "billiard": "billiard", "redis-py": "redis"}
    found = {name: importlib.metadata.version(package) for name, package in libraries.items()}
    with redis.Redis.from_url(servers.result_url) as client:
        found["Redis server"] = str(client.info("server")["redis_version"])
    if servers.broker == "rabbitmq":
        found["amqp"] = importlib.metadata.version("amqp")
        with Connection(servers.broker_url) as connection:
            found["RabbitMQ server"] = str(connection.connection.server_properties["version"])
    return found


@contextlib.contextmanager
def _own_virtual_host() -> Iterator[str]:
    if urlsplit(RABBITMQ_URL).path:
        yield RABBITMQ_URL
        return
    name = f"coldframe-{os.getpid()}"
    user = urlsplit(RABBITMQ_URL).username or "guest"
    _rabbitmqctl("add_vhost", name)
    try:
        _rabbitmqctl("set_permissions", "-p", name, user, ".*", ".*", ".*")
        yield f"{RABBITMQ_URL}/{name}"
    finally:
        _rabbitmqctl("delete_vhost", name)


def _control() -> str | None:
    return shutil.which("rabbitmqctl") or shutil.which("rabbitmqctl", path="/usr/sbin:/usr/lib/rabbitmq/bin")


def _rabbitmqctl(*words: str) -> None:
    command = [_control() or "rabbitmqctl", "-q", *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    if done.returncode:
        raise NoServer(f"rabbitmqctl {words[0]} failed: {done.stderr.strip() or done.stdout.strip()}")
