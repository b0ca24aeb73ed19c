"""The Celery app: `celery -A crm_backend worker`, `celery -A crm_backend beat`."""

from __future__ import annotations

import os
from typing import Any

from celery import Celery
from celery.signals import setup_logging

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "crm_backend.settings")

app = Celery("crm_backend")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@setup_logging.connect
def keep_the_log_of_the_settings(**_options: Any) -> None:
    """Worker and beat log as the settings say; that somebody listens here keeps Celery from logging its own way."""
