"""A sweep looks at many rows, a batch at a time, and one bad row does not stop it."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from smtplib import (
    SMTPAuthenticationError,
    SMTPConnectError,
    SMTPHeloError,
    SMTPRecipientsRefused,
    SMTPResponseException,
    SMTPServerDisconnected,
)
from socket import gaierror
from typing import TypeVar

from celery.exceptions import SoftTimeLimitExceeded
from django.db import InterfaceError, OperationalError
from django.db.models import Model, QuerySet

logger = logging.getLogger(__name__)

Row = TypeVar("Row", bound=Model)

BATCH = 500
#: The mail server does not answer, or not us. That is not the fault of a row.
SERVER_DOWN = (
    SMTPConnectError,
    SMTPHeloError,
    SMTPAuthenticationError,
    SMTPServerDisconnected,
    ConnectionError,
    TimeoutError,
    gaierror,
)
#: So often, and with nothing accepted in between, before a sweep gives up, to be tried again later as a whole.
PATIENCE = 3


class MailServerDown(Exception):
    """The mail server did not answer several times in a row; what was not sent will be when the sweep runs again."""


class TimeUp(Exception):
    """The sweep took as long as it may; what was not sent will be when it runs again."""


#: What is wrong with the run and not with a row.
RUN_BROKEN = (OperationalError, InterfaceError, SoftTimeLimitExceeded, MailServerDown, TimeUp)


@dataclass(slots=True)
class Outcome:
    """What a sweep came to: the result of its task.

    `checked` are the rows that it looked at, `sent` the messages that were accepted, `failed` those that were not (and
    rows for which none could be written). `skipped` are the rows that needed no message, because it was sent before or
    the matter is settled, and those that nobody could be told of for whom the message is meant.
    """

    checked: int = 0
    sent: int = 0
    skipped: int = 0
    failed: int = 0
    #: Something failed that may well work in a minute.
    try_again: bool = field(default=False, compare=False)

    def as_dict(self) -> dict[str, int]:
        """As the result of a task, which must be plain data."""
        return {"checked": self.checked, "sent": self.sent, "skipped": self.skipped, "failed": self.failed}


def batches(rows: QuerySet[Row], size: int = BATCH) -> Iterator[list[Row]]:
    """The rows in order of their key, a bounded number at a time; what is committed in between does not disturb."""
    last = 0
    while batch := list(rows.filter(pk__gt=last).order_by("pk")[:size]):
        yield batch
        if len(batch) < size:
            return
        last = batch[-1].pk


def is_temporary(error: Exception) -> bool:
    """Does the mail server say "not now", by its silence or by a code such as a greylist gives?"""
    if isinstance(error, SMTPRecipientsRefused) and isinstance(error.recipients, dict):
        return all(code < 500 for code, _reason in error.recipients.values())
    if isinstance(error, SERVER_DOWN):
        return True
    return isinstance(error, SMTPResponseException) and error.smtp_code < 500


class Isolation:
    """Keeps the trouble of one row from the others, and counts it; see `of`.

    Args:
        outcome: where it is counted, and where what was sent is.
        until: the moment, as `time.monotonic` tells it, at which the sweep shall stop; None if it may take its time.
    """

    def __init__(self, outcome: Outcome, until: float | None = None) -> None:
        self.outcome = outcome
        self._until = until
        self._down = 0

    @contextmanager
    def of(self, row: object) -> Iterator[None]:
        """Whatever goes wrong inside is this row's trouble: logged, counted, and the sweep goes on.

        Raises:
            MailServerDown: it is not this row's trouble, because it was the same for the rows before it.
            TimeUp: the time is up, and nothing was begun for this row.
        """
        if self._until is not None and time.monotonic() > self._until:
            raise TimeUp(f"stopped before {row!r}; the next run goes on from there")
        sent = self.outcome.sent
        try:
            yield
        except RUN_BROKEN:
            raise
        except Exception as error:
            self.outcome.failed += 1
            self.outcome.try_again |= is_temporary(error)
            if not isinstance(error, SERVER_DOWN):
                logger.exception("skipped %r", row)
                return
            self._down += 1
            logger.warning("mail server does not answer for %r: %s", row, error)
            if self._down >= PATIENCE:
                raise MailServerDown(f"the mail server failed {self._down} times in a row: {error}") from error
        if self.outcome.sent > sent:
            self._down = 0
