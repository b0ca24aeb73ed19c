"""What are three processes in production, as threads of this one: web, worker and beat."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import uvicorn
from celery import Celery
from celery.beat import EmbeddedService
from celery.worker import state
from django.core.management import CommandError

READY_WITHIN = 20
STOPPED_WITHIN = 20


def listen(host: str, port: int) -> socket.socket:
    """A socket at which people may already knock.

    Raises:
        CommandError: the port is taken, or the host is not this machine.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    knocks = socket.socket(family)
    knocks.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        knocks.bind((host, port))
        knocks.listen()
    except (OSError, OverflowError) as error:
        knocks.close()
        next_step = "Name another port, such as --port 0 for any that is free."
        raise CommandError(f"{host}:{port} is not free: {error}. {next_step}") from error
    return knocks


@contextmanager
def worker(app: Celery) -> Iterator[None]:
    """A worker for all queues, from when it is ready to when it has finished what it was doing.

    Raises:
        CommandError: the broker does not answer.
    """
    ready = threading.Event()
    controller = app.WorkController(
        hostname="demo@localhost",
        pool="threads",
        concurrency=4,
        ready_callback=lambda _consumer: ready.set(),
        without_gossip=True,
        without_mingle=True,
    )
    thread = threading.Thread(target=controller.start, name="worker", daemon=True)
    thread.start()
    if not ready.wait(READY_WITHIN):
        broker = app.connection().as_uri()
        raise CommandError(f"The broker {broker} does not answer. Start it, or leave CELERY_BROKER_URL out.")
    try:
        yield
    finally:
        state.should_stop = os.EX_OK
        thread.join(STOPPED_WITHIN)


@contextmanager
def beat(app: Celery) -> Iterator[None]:
    """Beat, with the app's schedule."""
    service = EmbeddedService(app, thread=True)
    service.start()
    try:
        yield
    finally:
        service.stop()


def web(knocks: socket.socket) -> None:
    """Serve pages, API and WebSockets until somebody presses Ctrl-C."""
    config = uvicorn.Config(
        "crm_backend.asgi:application", lifespan="off", log_config=None, access_log=False, timeout_graceful_shutdown=3
    )
    with suppress(KeyboardInterrupt):
        uvicorn.Server(config).run(sockets=[knocks])
