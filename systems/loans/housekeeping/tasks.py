"""The clean-up of each night."""

from __future__ import annotations

from celery import shared_task

from core.jobs import Job
from housekeeping import services


@shared_task(bind=True, base=Job, name="housekeeping.tasks.clean_up")
def clean_up(self: Job) -> dict[str, int]:
    """Remove what is old. Running it twice removes nothing more, and tells nobody twice."""
    return services.clean_up().as_dict()
