"""The test case for those who like classes: Django's, with a bench, a mailbox, and an application with its people."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, ClassVar

import pytest
from coldframe.testing import DjangoCeleryTestCase
from django.core import mail

from applications.models import Application, Stage
from applications.tasks import check_repayment_reminders, check_stale_applications
from core.clock import now, today
from tests.factories import ApplicationFactory, BDMFactory, BorrowerFactory, RepaymentFactory

pytestmark = pytest.mark.task


class CeleryTestCase(DjangoCeleryTestCase):
    """`self.bench` runs the project's app, mail is in `mail.outbox`, `self.application` has manager and borrower."""

    bench_options: ClassVar[dict[str, Any]] = {"start": "2026-03-16T07:00+11:00"}
    application: Application

    def setUp(self) -> None:
        self.application = ApplicationFactory(
            stage=Stage.FUNDED,
            bd=BDMFactory(user__email="boss@example.com"),
            borrowers=[BorrowerFactory(email="ann@example.com")],
        )

    def run_task(self, task: Any, *args: Any) -> Any:
        """Send it, let a node run it, and give its result."""
        result = task.delay(*args)
        self.bench.drain()
        return result.get()

    def assertMailed(self, *expected: tuple[str, str]) -> None:
        """These and no others, as (address, subject)."""
        assert [(message.to[0], message.subject) for message in mail.outbox] == list(expected)


class CeleryTestCaseTests(CeleryTestCase):
    """What the case itself promises."""

    def test_a_task_runs_on_a_node_and_mail_is_seen(self) -> None:
        RepaymentFactory(application=self.application, due_date=today() + timedelta(days=7))
        assert self.run_task(check_repayment_reminders)["sent"] == 1
        self.assertRan(check_repayment_reminders, times=1)
        self.assertMailed(("ann@example.com", "Upcoming Repayment Reminder"))

    def test_time_is_the_office_s_morning(self) -> None:
        assert (today().isoformat(), now().hour) == ("2026-03-16", 20)

    def test_rows_of_another_test_are_gone(self) -> None:
        assert Application.objects.count() == 1
        assert self.run_task(check_stale_applications) == {"checked": 0, "sent": 0, "skipped": 0, "failed": 0}
