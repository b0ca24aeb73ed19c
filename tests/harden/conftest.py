"""An app without a database, whose tasks send text messages."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from celery import Celery

import coldframe


class SmsRefused(Exception):
    """The gateway says no."""


@pytest.fixture
def app() -> Iterator[Celery]:
    """An app on RabbitMQ whose results are kept nowhere, and whose tasks are acked late."""
    app = Celery("shop", broker="amqp://shop@broker.internal//")
    app.conf.update(
        task_default_queue="celery",
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        broker_connection_retry_on_startup=True,
    )
    yield app
    app.close()


@pytest.fixture
def tell(app: Celery) -> Any:
    """Tells somebody twice if it dies between the message and its end."""

    @app.task(name="shop.tell")
    def tell(name: str, **details: Any) -> None:
        with coldframe.effect("sms", f"to {name}", failures={"refused": SmsRefused}, **details):
            pass

    return tell
