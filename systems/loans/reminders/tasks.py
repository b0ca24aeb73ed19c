"""Once an hour, the reminders that people wrote go out."""

from __future__ import annotations

from collections.abc import Sequence

from celery import shared_task
from django.core.mail import EmailMessage

from core.jobs import Job
from reminders import sending


def send_email(
    subject: str,
    message: str,
    recipient_list: Sequence[str],
    from_email: str | None = None,
    reply_to: Sequence[str] = (),
) -> int:
    """Hand one message to the mail server; the number of those that it accepted."""
    return EmailMessage(subject, message, from_email, list(recipient_list), reply_to=list(reply_to)).send()


@shared_task(bind=True, base=Job, name="reminders.tasks.check_due_reminders")
def check_due_reminders(self: Job) -> dict[str, int]:
    """Send what is due and was not sent. Key: the reminder; one that was tried five times is given up."""
    return self.result_of(sending.send_due(send_email, until=self.until))
