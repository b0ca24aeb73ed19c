"""A single e-mail that somebody asked for: logged, sent at most once, and tried again if nobody accepted it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from celery.exceptions import SoftTimeLimitExceeded
from django.db import DatabaseError
from django.db.models import F

from core.clock import now
from core.deliveries import NotAccepted
from core.models import EmailLog
from core.sweeps import Outcome
from users.models import Notification, User

logger = logging.getLogger(__name__)

Status = EmailLog.Status
LONGEST_SUBJECT = 255


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked for, and by which key: the same key is the same e-mail."""

    key: str
    subject: str
    message: str
    recipients: Sequence[str]
    user_id: int | None = None
    notification_id: int | None = None
    email_type: str = "general"


def send_logged(request: Request, send: Callable[[], object]) -> Outcome:
    """Send it unless it was sent, or may have been sent, before.

    The log row is claimed before the message leaves. If the log cannot be written afterwards, the row stays claimed and
    the message is not sent again.

    Raises:
        Exception: whatever `send` raises; nobody accepted it, so it can be tried again.
    """
    outcome = Outcome(checked=1)
    log = _log_of(request)
    if not _claim(log):
        outcome.skipped = 1
        logger.info("e-mail %s was sent before, or is being sent", request.key)
        return outcome
    try:
        if not send():
            raise NotAccepted(f"the mail server did not accept the message to {', '.join(request.recipients)}")
    except SoftTimeLimitExceeded:
        raise
    except Exception as error:
        _settle(log, status=Status.FAILED, error=f"{type(error).__name__}: {error}")
        raise
    outcome.sent = 1
    try:
        _settle(log, status=Status.SENT, sent_at=now(), error="")
    except DatabaseError:
        logger.exception("e-mail %s was sent, but the log could not be written", request.key)
    return outcome


def _log_of(request: Request) -> EmailLog:
    user = User.objects.filter(pk=request.user_id).first() if request.user_id else None
    notes = Notification.objects.filter(pk=request.notification_id) if request.notification_id else None
    values = {
        "user": user,
        "notification": notes.first() if notes is not None else None,
        "email_type": request.email_type[:40],
        "subject": request.subject[:LONGEST_SUBJECT],
        "body": request.message,
        "recipients": list(request.recipients),
    }
    return EmailLog.objects.get_or_create(message_key=request.key, defaults=values)[0]


def _claim(log: EmailLog) -> bool:
    rows = EmailLog.objects.filter(pk=log.pk, status__in=[Status.QUEUED, Status.FAILED])
    return rows.update(status=Status.SENDING, attempts=F("attempts") + 1) == 1


def _settle(log: EmailLog, **values: object) -> None:
    EmailLog.objects.filter(pk=log.pk, status=Status.SENDING).update(**values)
