"""Which task goes to which queue. Each queue is read by a worker of the Procfile, and a test compares them."""

from __future__ import annotations

from kombu import Queue

REMINDERS = "reminders"  # sweeps over many rows
NOTIFICATIONS = "notifications"  # somebody waits for them
DOCUMENTS = "documents"  # heavy on the processor
REPORTS = "reports"  # nobody waits for them

QUEUES = [Queue(name) for name in (REMINDERS, NOTIFICATIONS, DOCUMENTS, REPORTS)]

ROUTES = {
    "applications.tasks.check_stale_applications": {"queue": REMINDERS},
    "applications.tasks.check_stagnant_applications": {"queue": REMINDERS},
    "applications.tasks.check_note_reminders": {"queue": REMINDERS},
    "applications.tasks.check_repayment_reminders": {"queue": REMINDERS},
    "applications.tasks.send_repayment_reminders": {"queue": REMINDERS},
    "applications.tasks.check_active_loans": {"queue": REMINDERS},
    "applications.tasks.alert_about_active_loan": {"queue": NOTIFICATIONS},
    "applications.tasks.send_application_status_notification": {"queue": NOTIFICATIONS},
    "applications.tasks.pick_up_missed_stage_changes": {"queue": NOTIFICATIONS},
    "applications.tasks.send_email_async": {"queue": NOTIFICATIONS},
    "applications.tasks.send_daily_digest": {"queue": REMINDERS},
    "applications.tasks.send_weekly_digest": {"queue": REMINDERS},
    "reminders.tasks.check_due_reminders": {"queue": REMINDERS},
    "documents.tasks.generate_document_async": {"queue": DOCUMENTS},
    "documents.tasks.generate_pdf_async": {"queue": DOCUMENTS},
    "documents.tasks.pick_up_missed_jobs": {"queue": DOCUMENTS},
    "documents.tasks.import_repayments": {"queue": DOCUMENTS},
    "reports.tasks.generate_weekly_report": {"queue": REPORTS},
    "reports.tasks.run_monthly_compliance_check": {"queue": REPORTS},
    "housekeeping.tasks.clean_up": {"queue": REPORTS},
    "celery.backend_cleanup": {"queue": REPORTS},  # old results; beat sends it by itself
}
