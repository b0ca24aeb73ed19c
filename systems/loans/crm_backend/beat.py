"""The one schedule. All hours are local time of the business (`BUSINESS_TZ`), also when the clocks change."""

from __future__ import annotations

from celery.schedules import crontab

SCHEDULE = {
    "check-repayment-reminders": {
        "task": "applications.tasks.check_repayment_reminders",
        "schedule": crontab(hour=7, minute=0),
    },
    "check-active-loans": {
        "task": "applications.tasks.check_active_loans",
        "schedule": crontab(hour=7, minute=30),
    },
    "send-daily-digest": {
        "task": "applications.tasks.send_daily_digest",
        "schedule": crontab(hour=8, minute=30),
    },
    "send-weekly-digest": {
        "task": "applications.tasks.send_weekly_digest",
        "schedule": crontab(hour=9, minute=0, day_of_week="monday"),
    },
    "check-stale-applications": {
        "task": "applications.tasks.check_stale_applications",
        "schedule": crontab(hour=9, minute=0),
    },
    "check-stagnant-applications": {
        "task": "applications.tasks.check_stagnant_applications",
        "schedule": crontab(hour=10, minute=0),
    },
    "check-note-reminders": {
        "task": "applications.tasks.check_note_reminders",
        "schedule": crontab(minute="*/15"),
    },
    "check-due-reminders": {
        "task": "reminders.tasks.check_due_reminders",
        "schedule": crontab(minute=5),
    },
    "generate-weekly-report": {
        "task": "reports.tasks.generate_weekly_report",
        "schedule": crontab(hour=6, minute=0, day_of_week="monday"),
    },
    "run-monthly-compliance-check": {
        "task": "reports.tasks.run_monthly_compliance_check",
        "schedule": crontab(hour=6, minute=0, day_of_month="1"),
    },
    "pick-up-missed-stage-changes": {
        "task": "applications.tasks.pick_up_missed_stage_changes",
        "schedule": crontab(minute="*/10"),
    },
    "pick-up-missed-jobs": {
        "task": "documents.tasks.pick_up_missed_jobs",
        "schedule": crontab(minute="*/10"),
    },
    "clean-up": {
        "task": "housekeeping.tasks.clean_up",
        "schedule": crontab(hour=4, minute=0),
    },
}
