"""A till whose processes each have a connection of their own."""

from __future__ import annotations

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "till.settings")

app = Celery("till", broker="amqp://till@broker.internal//", backend="redis://results.internal/3")
app.autodiscover_tasks()
