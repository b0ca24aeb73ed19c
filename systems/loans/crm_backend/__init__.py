"""The project: settings, the Celery app, its queues and its schedule, and the doors to the outside."""

from __future__ import annotations

from .celery import app as celery_app

__all__ = ["celery_app"]
