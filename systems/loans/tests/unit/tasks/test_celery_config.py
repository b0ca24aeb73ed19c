"""The app is the one that people know by name, and each task of `applications` has the policy that a sweep needs."""

from __future__ import annotations

from smtplib import SMTPException
from typing import Any

import pytest
from django.db import OperationalError

from core.jobs import Job
from crm_backend.celery import app as celery_app
from tests.celery_test_config import CONFIG, app

pytestmark = pytest.mark.task


def tasks() -> list[Any]:
    celery_app.loader.import_default_modules()
    return [task for name, task in celery_app.tasks.items() if name.startswith("applications.tasks.")]


def test_the_app_has_the_names_that_people_use() -> None:
    assert celery_app.main == "crm_backend"
    assert celery_app.conf.namespace == "CELERY"


def test_there_is_one_app_and_it_is_not_eager() -> None:
    assert app is celery_app
    assert not celery_app.conf.task_always_eager


def test_a_worker_of_celery_s_own_plugin_gets_the_same_settings(celery_config: dict[str, Any]) -> None:
    assert celery_config == CONFIG


def test_all_tasks_of_applications_are_there() -> None:
    assert sorted(task.name.rpartition(".")[2] for task in tasks()) == [
        "alert_about_active_loan",
        "check_active_loans",
        "check_note_reminders",
        "check_repayment_reminders",
        "check_stagnant_applications",
        "check_stale_applications",
        "pick_up_missed_stage_changes",
        "send_application_status_notification",
        "send_daily_digest",
        "send_email_async",
        "send_repayment_reminders",
        "send_weekly_digest",
    ]


def test_each_is_tried_three_times_more_and_survives_its_worker() -> None:
    for task in tasks():
        assert isinstance(task, Job), task.name
        assert (task.max_retries, task.retry_backoff) == (3, 60), task.name
        assert (task.acks_late, task.reject_on_worker_lost) == (True, True), task.name
        assert {SMTPException, OperationalError} <= set(task.autoretry_for), task.name
        assert hasattr(task, "_orig_run"), f"{task.name}: Celery did not wrap it for its retries"


def test_each_says_what_it_does() -> None:
    assert [task.name for task in tasks() if not (task.__doc__ or "").strip()] == []


def test_nothing_runs_for_ever() -> None:
    assert 0 < celery_app.conf.task_soft_time_limit < celery_app.conf.task_time_limit


def test_beat_and_worker_live_in_the_office_s_zone() -> None:
    assert celery_app.conf.timezone == "Australia/Sydney"
    assert celery_app.conf.enable_utc
