"""Work is handed over after the commit, never before: a rollback sends nothing, and a task finds its rows."""

from __future__ import annotations

from functools import partial
from typing import Any

from celery import Task
from django.db import transaction


def after_commit(task: Task, *args: Any, task_id: str | None = None) -> None:
    """Send a task when the transaction is committed.

    A broker that is down at that moment does not fail the request, whose data is safe already: Django logs it, and
    the sweep for missed work (`pick_up_missed_…`) sends it later.
    """
    transaction.on_commit(partial(task.apply_async, args, task_id=task_id), robust=True)
