"""Stored reports in the administration."""

from __future__ import annotations

from datetime import date

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from core.periods import Period
from reports.models import Report
from reports.services import MONTHLY, WEEKLY, make
from tests.factories import AdminFactory

pytestmark = [pytest.mark.component, pytest.mark.django_db]


@pytest.fixture
def office(client: Client) -> Client:
    client.force_login(AdminFactory(is_superuser=True))
    return client


@time_machine.travel("2026-04-06T06:00:00+10:00", tick=False)
def test_reports_are_read_there_as_they_were_mailed(office: Client) -> None:
    make(WEEKLY, Period(date(2026, 3, 30), date(2026, 4, 5)))
    make(MONTHLY, Period(date(2026, 3, 1), date(2026, 3, 31)))
    assert office.get(reverse("admin:reports_report_changelist")).context["cl"].result_count == 2
    for report, text in zip(
        Report.objects.order_by("kind"), ["Instalments due: 0", "New applications: 0"], strict=True
    ):
        page = office.get(reverse("admin:reports_report_change", args=[report.pk]))
        assert text in page.content.decode()


@time_machine.travel("2026-04-06T06:00:00+10:00", tick=False)
def test_nobody_writes_or_changes_them(office: Client) -> None:
    report = make(WEEKLY, Period(date(2026, 3, 30), date(2026, 4, 5)))
    assert office.get(reverse("admin:reports_report_add")).status_code == 403
    assert office.post(reverse("admin:reports_report_change", args=[report.pk]), {}).status_code == 403
