"""`reports.tasks` on the bench: the right period, stored once, mailed once, and tried again for hours."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise
from typing import Any
from unittest.mock import patch

import pytest
from coldframe import Bench

from core.models import DeliveryLedger
from crm_backend.celery import app
from reports.models import Report
from reports.tasks import generate_weekly_report, run_monthly_compliance_check
from tests import mailbox as server
from tests.factories import AdminFactory

pytestmark = [pytest.mark.task, pytest.mark.django_db]

BOSS, DEPUTY = "boss@example.com", "deputy@example.com"
TASKS = [generate_weekly_report, run_monthly_compliance_check]


@pytest.fixture
def mailbox(settings: Any) -> server.Mailbox:
    settings.EMAIL_BACKEND = server.BACKEND
    AdminFactory(email=BOSS)
    AdminFactory(email=DEPUTY)
    return server.fresh()


@pytest.mark.coldframe(start="2026-04-06T06:00+10:00")
def test_each_makes_its_report_and_tells_each_administrator(coldframe: Bench, mailbox: server.Mailbox) -> None:
    for task in TASKS:
        assert task.delay().get() == {"checked": 2, "sent": 2, "skipped": 0, "failed": 0}
    assert set(Report.objects.values_list("kind", "period_start", "period_end")) == {
        ("weekly", date(2026, 3, 30), date(2026, 4, 5)),
        ("monthly_compliance", date(2026, 3, 1), date(2026, 3, 31)),
    }
    assert mailbox.count() == {
        (address, subject): 1
        for address in (BOSS, DEPUTY)
        for subject in ("Weekly report: 30 March 2026 to 5 April 2026", "Monthly compliance check: 1 to 31 March 2026")
    }


@pytest.mark.parametrize("task", TASKS)
def test_it_can_be_called_like_a_function_and_sends_through_the_name_in_its_module(task: Any) -> None:
    AdminFactory(email=BOSS)
    with patch("reports.tasks.send_mail") as send:
        assert task()["sent"] == 1
    send.assert_called_once()
    assert send.call_args[1]["recipient_list"] == [BOSS]
    with patch("reports.tasks.send_email") as send:
        assert task()["sent"] == 0
    send.assert_not_called()


@pytest.mark.coldframe(start="2026-04-06T06:00+10:00")
def test_without_an_administrator_the_report_is_stored_all_the_same(coldframe: Bench) -> None:
    assert generate_weekly_report.delay().get() == {"checked": 0, "sent": 0, "skipped": 0, "failed": 0}
    assert Report.objects.count() == 1


@pytest.mark.coldframe(start="2026-04-06T06:00+10:00")
def test_one_address_that_is_refused_does_not_keep_the_other_from_its_mail(
    coldframe: Bench, mailbox: server.Mailbox
) -> None:
    mailbox.refused = {BOSS}
    assert generate_weekly_report.delay().get() == {"checked": 2, "sent": 1, "skipped": 0, "failed": 1}
    assert [mail.to for mail in mailbox.mails] == [DEPUTY]


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.coldframe(start="2026-04-06T06:00+10:00")
def test_a_server_that_is_down_for_an_hour_delays_the_mail(
    coldframe: Bench, mailbox: server.Mailbox, task: Any
) -> None:
    mailbox.down = True
    result = task.delay()
    coldframe.advance(hours=1)
    assert (mailbox.mails, Report.objects.count()) == ([], 1)
    mailbox.down = False
    assert result.get()["sent"] == 2
    assert {mail.at.date() for mail in mailbox.mails} == {date(2026, 4, 5), date(2026, 4, 6)} & {coldframe.now.date()}
    assert len(mailbox.mails) == 2


@pytest.mark.coldframe(start="2026-04-06T06:00+10:00")
def test_it_is_tried_for_hours_and_never_held_back_for_half_an_hour(coldframe: Bench, mailbox: server.Mailbox) -> None:
    mailbox.down = True
    generate_weekly_report.delay()
    coldframe.drain()
    runs = coldframe.runs(generate_weekly_report)
    assert [run.state for run in runs] == ["RETRY"] * 24 + ["SUCCESS"]
    assert runs[-1].result == {"checked": 2, "sent": 0, "skipped": 0, "failed": 2}
    pauses = [after.started_at - run.finished_at for run, after in pairwise(runs)]
    assert max(pauses) <= timedelta(minutes=20)
    assert sum(pauses, timedelta()) > timedelta(hours=3)
    assert set(DeliveryLedger.objects.values_list("status", "attempts")) == {("failed", 0)}


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("task", TASKS)
def test_two_nodes_at_once_make_one_report_and_mail_it_once(mailbox: server.Mailbox, seed: int, task: Any) -> None:
    mailbox.seconds = 2
    with Bench(app, seed=seed, start="2026-04-06T06:00+10:00") as bench:
        bench.node("first", concurrency=1)
        bench.node("second", concurrency=1)
        for _ in range(2):
            task.delay()
        bench.drain()
        assert {run.node for run in bench.runs(task)} == {"first", "second"}
    assert Report.objects.count() == 1
    assert sorted(mail.to for mail in mailbox.mails) == [BOSS, DEPUTY]


@pytest.mark.coldframe(start="2026-04-06T06:00+10:00")
def test_a_worker_that_dies_while_it_mails_leaves_one_mail_in_doubt(coldframe: Bench, mailbox: server.Mailbox) -> None:
    mailbox.seconds = 10
    coldframe.node("first")
    generate_weekly_report.delay()
    coldframe.advance(seconds=5)
    coldframe.kill("first")
    coldframe.node("second")
    coldframe.drain()
    assert [mail.to for mail in mailbox.mails] == [DEPUTY]
    assert Report.objects.count() == 1
    assert DeliveryLedger.objects.get(recipient=BOSS).status == "claimed"
