from __future__ import annotations

from celery import Celery

app = Celery("library", broker="redis://broker.internal", backend="redis://results.internal")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
