"""The app, made the way Celery's documentation says."""

from __future__ import annotations

from celery import Celery

app = Celery("specimens")
app.config_from_object("django.conf:settings", namespace="CELERY")
