"""An app per test whose tasks no other test's app takes over."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from celery import Celery, _state


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Celery]:
    """An app on RabbitMQ with results in Redis; Celery shares tasks among all apps, which ends with the test."""
    shared = {finalizer for finalizer in _state._on_app_finalizers if finalizer.__module__ != "celery.app.builtins"}
    _state._on_app_finalizers -= shared
    app = Celery("shop", broker="amqp://shop@broker.internal//", backend="redis://results.internal/3")
    app.conf.update(task_default_queue="celery", broker_connection_retry_on_startup=True)
    yield app
    app.close()
    _state._on_app_finalizers = {
        *(finalizer for finalizer in _state._on_app_finalizers if finalizer.__module__ == "celery.app.builtins"),
        *shared,
    }


def of_kind(trace: Any, *kinds: str) -> list[Any]:
    """The events of a trace whose types have these names."""
    return [event for event in trace if type(event).__name__ in kinds]
