"""The policy that background work shares: what is tried again, how often, and what a worker's death means."""

from __future__ import annotations

import time
from smtplib import SMTPException
from socket import gaierror
from typing import Any

from celery import Task
from celery.utils.time import get_exponential_backoff_interval
from django.db import InterfaceError, OperationalError

from core.sweeps import MailServerDown, Outcome, TimeUp


class Job(Task):
    """A task that is tried three times more when mail server or database fail, and survives its worker."""

    autoretry_for = (
        SMTPException,
        MailServerDown,
        TimeUp,
        ConnectionError,
        TimeoutError,
        gaierror,
        OperationalError,
        InterfaceError,
    )
    max_retries = 3
    retry_backoff = 60
    retry_backoff_max = 600
    retry_jitter = True
    acks_late = True
    reject_on_worker_lost = True

    @property
    def is_in_worker(self) -> bool:
        """Does a worker run it, so that it can be sent again? A direct call and eager mode know no later."""
        return bool(self.request.id) and not self.request.called_directly and not self.request.is_eager

    @property
    def until(self) -> float | None:
        """When a sweep must stop so that the time limit does not stop it in the middle of a message."""
        limit = self.soft_time_limit or self.app.conf.task_soft_time_limit
        return time.monotonic() + 0.8 * limit if limit and self.is_in_worker else None

    def result_of(self, outcome: Outcome) -> dict[str, int]:
        """What a sweep came to; or one more try, while there are some, if what failed may well work in a minute.

        Raises:
            Retry: the task is tried again.
        """
        if outcome.try_again and self.is_in_worker and self.request.retries < self.max_retries:
            wait = get_exponential_backoff_interval(
                self.retry_backoff, self.request.retries, self.retry_backoff_max, full_jitter=self.retry_jitter
            )
            raise self.retry(countdown=wait)
        return outcome.as_dict()

    def tell(self, done: int, message: str, **more: Any) -> None:
        """Show how far it is, to whoever asks for the state of the task; nobody can ask after a direct call."""
        if self.is_in_worker:
            self.update_state(state="PROGRESS", meta={"progress": done, "message": message, **more})
