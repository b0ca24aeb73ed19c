"""Celery's settings for tests that use a real worker in the process (`celery.contrib.pytest`) instead of the bench.

There is no second app here, and nothing is eager: tests run the app that production runs, or they prove nothing of it.
"""

from __future__ import annotations

from typing import Any

from crm_backend.celery import app

CONFIG: dict[str, Any] = {
    "broker_url": "memory://",
    "result_backend": "cache+memory://",
    "task_always_eager": False,
}

__all__ = ["CONFIG", "app"]
