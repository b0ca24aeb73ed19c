"""An app as users have it: with a real broker URL and a real result store, neither of which is there."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from celery import Celery


@pytest.fixture
def app() -> Iterator[Celery]:
    """An app on RabbitMQ with results in Redis."""
    app = Celery("shop", broker="amqp://shop@broker.internal//", backend="redis://results.internal/3")
    app.conf.update(task_default_queue="celery", broker_connection_retry_on_startup=True)
    yield app
    app.close()
