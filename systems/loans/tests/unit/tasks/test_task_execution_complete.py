"""A whole working day of the sweeps at two nodes, of which each reads its own queues."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, ClassVar

import pytest
from django.core import mail
from django_celery_results.models import TaskResult

from applications.models import Stage
from applications.tasks import (
    check_note_reminders,
    check_repayment_reminders,
    check_stale_applications,
    send_application_status_notification,
)
from core.clock import now, today
from core.models import DeliveryLedger
from crm_backend.queues import NOTIFICATIONS, REMINDERS
from tests.factories import NoteFactory, RepaymentFactory, long_in_stage
from tests.unit.tasks.test_celery_base import CeleryTestCase

pytestmark = pytest.mark.task


class WorkingDay(CeleryTestCase):
    bench_options: ClassVar[dict[str, Any]] = {"start": "2026-03-16T06:59+11:00"}

    def setUp(self) -> None:
        super().setUp()
        self.bench.node("patient", queues=[REMINDERS])
        self.bench.node("quick", queues=[NOTIFICATIONS])
        RepaymentFactory(application=self.application, due_date=today() - timedelta(days=3))
        long_in_stage(20, bd=self.application.bd)
        NoteFactory(
            title="Lunch", remind_date=now() + timedelta(hours=5), application=None, created_by=self.application.bd.user
        )

    def test_everybody_gets_their_own_once(self) -> None:
        send_application_status_notification.delay(self.application.pk, Stage.FUNDED)
        for _ in range(7):
            for task in (check_repayment_reminders, check_stale_applications, check_note_reminders):
                task.delay()
            self.bench.advance(hours=1)
        told = [(message.to[0], message.subject.partition(":")[0]) for message in mail.outbox]
        broker = self.application.broker.user.email
        reference = self.application.reference_number
        assert sorted(told) == sorted(
            [
                ("ann@example.com", "OVERDUE Repayment Notice"),
                ("boss@example.com", "Stale Application Alert"),
                ("boss@example.com", "Note Reminder"),
                ("boss@example.com", f"Application {reference}"),
                (broker, f"Application {reference}"),
            ]
        )
        assert {run.node for run in self.bench.runs(check_repayment_reminders)} == {"patient"}
        assert {run.node for run in self.bench.runs(send_application_status_notification)} == {"quick"}
        assert DeliveryLedger.objects.filter(status="sent").count() == DeliveryLedger.objects.count() == 5

    def test_results_can_be_read_by_those_who_wait(self) -> None:
        result = check_repayment_reminders.delay()
        self.bench.drain()
        stored = TaskResult.objects.get(task_id=result.id)
        assert (stored.status, stored.task_name) == ("SUCCESS", "applications.tasks.check_repayment_reminders")
        assert result.get() == {"checked": 1, "sent": 1, "skipped": 0, "failed": 0}
