"""Background work on applications: sweeps of each day, and messages that somebody waits for.

A task says who, when and how often; what is done is in `applications.reminders`. Running one twice sends nothing twice:
each message is claimed in the delivery ledger before it leaves.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any
from uuid import uuid4

from celery import shared_task
from django.conf import settings
from django.core.mail import send_mail

from applications.reminders.active_loans import announce_dates_of_loan, announce_dates_of_loans
from applications.reminders.emails import Request, send_logged
from applications.reminders.notes import remind_of_notes
from applications.reminders.repayments import remind_of_repayments
from applications.reminders.stagnant import show_stagnant_applications
from applications.reminders.stale import report_stale_applications
from applications.reminders.status import missed_changes, tell_about_status
from core.jobs import Job
from core.sweeps import Outcome
from users.digests import send_daily_digests, send_weekly_digests

Result = dict[str, Any]


def send_email(
    subject: str,
    message: str,
    recipient_list: Sequence[str],
    html_message: str | None = None,
    from_email: str | None = None,
) -> int:
    """Hand one message to the mail server; the number of messages that it accepted."""
    return send_mail(
        subject=subject,
        message=message,
        from_email=from_email or settings.DEFAULT_FROM_EMAIL,
        recipient_list=list(recipient_list),
        html_message=html_message,
    )


@shared_task(bind=True, base=Job, name="applications.tasks.check_repayment_reminders")
def check_repayment_reminders(self: Job) -> Result:
    """Remind borrowers 7 days before and 3 and 7 days after the due date; after 10 days, tell the manager."""
    return self.result_of(remind_of_repayments(send_email, until=self.until))


@shared_task(bind=True, base=Job, name="applications.tasks.send_repayment_reminders")
def send_repayment_reminders(self: Job) -> Result:
    """The same, with the days before the due date that the settings name."""
    days = settings.REPAYMENT_REMINDER_DAYS
    return self.result_of(remind_of_repayments(send_email, days_before=days, until=self.until))


@shared_task(bind=True, base=Job, name="applications.tasks.check_stale_applications")
def check_stale_applications(self: Job) -> Result:
    """Mail the manager of each application that does not move: at once, then weekly."""
    return self.result_of(report_stale_applications(send_email, until=self.until))


@shared_task(bind=True, base=Job, name="applications.tasks.check_stagnant_applications")
def check_stagnant_applications(self: Job) -> Result:
    """The same in the application: one notification at once, then weekly."""
    return self.result_of(show_stagnant_applications(send_email, until=self.until))


@shared_task(bind=True, base=Job, name="applications.tasks.check_note_reminders")
def check_note_reminders(self: Job) -> Result:
    """Remind author and manager of each note whose moment has come."""
    return self.result_of(remind_of_notes(send_email, until=self.until))


@shared_task(bind=True, base=Job, name="applications.tasks.check_active_loans")
def check_active_loans(self: Job) -> Result:
    """Announce interest and expiry dates that come near; each date and threshold once."""
    return self.result_of(announce_dates_of_loans(send_email, until=self.until))


@shared_task(bind=True, base=Job, name="applications.tasks.alert_about_active_loan")
def alert_about_active_loan(self: Job, loan_id: int) -> Result:
    """The same at once for one loan. An unknown loan is logged, and not tried again."""
    return _result_for(self, announce_dates_of_loan(send_email, loan_id), f"there is no loan {loan_id}")


@shared_task(bind=True, base=Job, name="applications.tasks.send_application_status_notification")
def send_application_status_notification(self: Job, application_id: int, status: str) -> Result:
    """Tell everybody concerned of a new status, each once. An unknown application is logged, and not tried again."""
    outcome = tell_about_status(send_email, application_id, status)
    return _result_for(self, outcome, f"there is no application {application_id}")


@shared_task(bind=True, base=Job, name="applications.tasks.pick_up_missed_stage_changes")
def pick_up_missed_stage_changes(self: Job) -> Result:
    """Send the messages that were lost between a commit and the broker. Each person is still told once."""
    outcome = Outcome()
    for change in missed_changes():
        send_application_status_notification.delay(change.application_id, change.to_stage)
        outcome.checked += 1
        outcome.sent += 1
    return outcome.as_dict()


@shared_task(bind=True, base=Job, retry_jitter=False, name="applications.tasks.send_email_async")
def send_email_async(
    self: Job,
    subject: str,
    message: str,
    recipient_list: Sequence[str],
    html_message: str | None = None,
    from_email: str | None = None,
    user_id: int | None = None,
    notification_id: int | None = None,
    email_type: str = "general",
) -> Result:
    """Send one e-mail and log it. The id of the task is its key: a message that comes twice is sent once."""
    key = self.request.id or str(uuid4())
    request = Request(key, subject, message, recipient_list, user_id, notification_id, email_type)
    send = partial(
        send_email,
        subject=subject,
        message=message,
        recipient_list=recipient_list,
        html_message=html_message,
        from_email=from_email,
    )
    return send_logged(request, send).as_dict()


@shared_task(bind=True, base=Job, name="applications.tasks.send_daily_digest")
def send_daily_digest(self: Job) -> Result:
    """Mail what was not read of the day before to everybody who wants it; once for each person and day."""
    return self.result_of(send_daily_digests(send_email, until=self.until))


@shared_task(bind=True, base=Job, name="applications.tasks.send_weekly_digest")
def send_weekly_digest(self: Job) -> Result:
    """Mail what was not read of the week before to everybody who wants it; once for each person and week."""
    return self.result_of(send_weekly_digests(send_email, until=self.until))


def _result_for(job: Job, outcome: Outcome | None, unknown: str) -> Result:
    if outcome is None:
        return {**Outcome(skipped=1).as_dict(), "detail": unknown}
    return job.result_of(outcome)
