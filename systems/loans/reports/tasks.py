"""The report of each week and the check of each month.

Nobody waits for them, and the next run is far away: while the mail server is down, they are tried again for some hours.
A mail that was accepted is not sent again by that: see `core.deliveries`. The pauses stay below half an hour, because
RabbitMQ cuts off a worker that keeps a message longer than that without having finished it.
"""

from __future__ import annotations

from celery import shared_task
from django.core.mail import send_mail

from core.jobs import Job
from reports import services

PATIENT = {"max_retries": 24, "retry_backoff": 600, "retry_backoff_max": 1200}


def send_email(
    subject: str,
    message: str,
    recipient_list: list[str],
    html_message: str | None = None,
    from_email: str | None = None,
) -> int:
    """Hand one message to the mail server; the number of those that it accepted."""
    return send_mail(
        subject=subject,
        message=message,
        from_email=from_email,
        recipient_list=recipient_list,
        html_message=html_message,
    )


@shared_task(bind=True, base=Job, name="reports.tasks.generate_weekly_report", **PATIENT)
def generate_weekly_report(self: Job) -> dict[str, int]:
    """The report of the week before, and those of missed weeks. Key: kind and period; mails: report and address."""
    return self.result_of(services.run(services.WEEKLY, send_email))


@shared_task(bind=True, base=Job, name="reports.tasks.run_monthly_compliance_check", **PATIENT)
def run_monthly_compliance_check(self: Job) -> dict[str, int]:
    """The check of the month before, and those of missed months. Key: kind and period; mails: report and address."""
    return self.result_of(services.run(services.MONTHLY, send_email))
