"""How the background work is doing, as an administrator sees it."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import Any

import pytest
from django_celery_results.models import TaskResult
from pytest_django import DjangoAssertNumQueries

from core.clock import now
from core.models import DeliveryLedger
from tests.component.web.conftest import HTMX, Browser
from web.job_status import human_name, plain_error, plain_refusal, recent_jobs

pytestmark = [pytest.mark.component, pytest.mark.django_db]


def result(status: str, value: Any, name: str = "applications.tasks.check_note_reminders") -> TaskResult:
    return TaskResult.objects.create(
        task_id=f"task-{TaskResult.objects.count()}",
        task_name=name,
        status=status,
        result=json.dumps(value),
        content_type="application/json",
        content_encoding="utf-8",
        date_started=now(),
    )


def delivery(number: int, status: str, minutes: int = 0) -> DeliveryLedger:
    return DeliveryLedger.objects.create(
        task="applications.tasks.check_repayment_reminders",
        object=f"repayment:{number}",
        kind="overdue_3",
        recipient="mia@example.com",
        status=status,
        claimed_at=now() - timedelta(minutes=minutes),
    )


@pytest.mark.parametrize(
    ("status", "value", "state", "text"),
    [
        (
            "SUCCESS",
            {"checked": 4, "sent": 2, "skipped": 1, "failed": 1},
            "Done",
            "checked 4, sent 2, ",
        ),
        ("SUCCESS", None, "Done", ""),
        ("PROGRESS", {"progress": 75, "message": "printed"}, "Running", "printed"),
        ("STARTED", None, "Running", ""),
        (
            "FAILURE",
            {"exc_type": "SMTPServerDisconnected", "exc_message": ["Connection closed"], "exc_module": "smtplib"},
            "Failed",
            "The mail server broke off: Connection closed",
        ),
        ("FAILURE", {"exc_type": "KeyError", "exc_message": "'a'"}, "Failed", "It stopped with an error: 'a'"),
        (
            "RETRY",
            {"exc_type": "OperationalError", "exc_message": []},
            "Will be tried again",
            "The database did not",
        ),
        ("FAILURE", "garbage", "Failed", "It failed without saying why."),
        ("REVOKED", None, "Cancelled", ""),
        ("PAUSED", None, "Paused", ""),
    ],
)
def test_a_run_is_told_in_plain_words(status: str, value: Any, state: str, text: str) -> None:
    result(status, value)
    (line,) = recent_jobs()
    assert (line.name, line.state) == ("Check note reminders", state)
    assert line.text.startswith(text)
    assert (line.finished_at is not None) == (status in {"SUCCESS", "FAILURE", "REVOKED"})
    assert line.progress == (75 if status == "PROGRESS" else None)


def test_a_result_that_cannot_be_read_is_shown_as_it_is() -> None:
    row = result("SUCCESS", None)
    TaskResult.objects.filter(pk=row.pk).update(result="{broken")
    assert recent_jobs()[0].text == "{broken"
    assert plain_error({"exc_type": "ValueError", "exc_message": ["a", 1]}) == "It stopped with an error: a 1"


@pytest.mark.parametrize(
    ("name", "told"),
    [("documents.tasks.generate_document_async", "Generate document"), ("", "Unknown task"), ("celery.chord", "Chord")],
)
def test_a_task_has_a_name_for_people(name: str, told: str) -> None:
    assert human_name(name) == told


@pytest.mark.parametrize(
    ("show", "states"),
    [
        ("all", ["Failed", "Running", "Done"]),
        ("running", ["Running"]),
        ("failed", ["Failed"]),
        ("nonsense", ["Failed", "Running", "Done"]),
    ],
)
def test_the_latest_runs_are_filtered(browser: Browser, show: str, states: list[str]) -> None:
    for status in ("SUCCESS", "STARTED", "FAILURE"):
        result(status, None)
    page = browser("admin").get("/jobs/", {"show": show}).content.decode()
    found = re.findall(r'data-label="State"><span class="badge \w+">([^<]+)<', page)
    assert found == states
    assert "3 results kept, 1 running or waiting, 1 failed." in page


def test_messages_are_counted_and_those_in_doubt_are_named(browser: Browser) -> None:
    for number, (status, minutes) in enumerate(
        [("sent", 0), ("sent", 0), ("pending", 0), ("failed", 0), ("claimed", 5), ("claimed", 61)]
    ):
        delivery(number, status, minutes)
    page = browser("admin").get("/jobs/").content.decode()
    assert re.findall(r'<dd class="number[^"]*">(\d+)<', page) == ["2", "1", "2", "1"]
    assert "In doubt: 1" in page
    assert re.findall(r"of (repayment:\d) to mia@example.com", page) == ["repayment:5"]
    assert 'href="/admin/core/deliveryledger/"' in page


def test_what_was_given_up_is_named_with_the_reason(browser: Browser) -> None:
    refused = delivery(1, "failed", 300)
    refused.attempts, refused.error = 12, "SMTPRecipientsRefused: {'mia@example.com': (550, b'unknown user')}"
    refused.save()
    delivery(2, "failed")  # tried once, and again by the next run
    page = browser("admin").get("/jobs/").content.decode()
    assert "Given up: 1<" in page
    assert re.findall(r"of (repayment:\d) to mia@example.com", page) == ["repayment:1"]
    assert "tried 12 times, last " in page
    assert "The mail server refused the address: {&#x27;mia@example.com&#x27;: (550, " in page
    assert 'href="/admin/core/deliveryledger/?decide=given_up"' in page


def test_where_nothing_was_given_up_nothing_is_said_of_it(browser: Browser) -> None:
    delivery(1, "failed")
    assert "Given up" not in browser("admin").get("/jobs/").content.decode()


@pytest.mark.parametrize(
    ("error", "told"),
    [
        ("NotAccepted: the server took it for nobody", "The mail server did not take a message: the server took it"),
        ("UnicodeError: label too long: 64", "It could not be sent: label too long: 64"),
        ("TimeoutError", "It could not be sent: TimeoutError"),
    ],
)
def test_a_refusal_is_told_in_plain_words(error: str, told: str) -> None:
    assert plain_refusal(error).startswith(told)


def test_the_list_renews_itself_unless_that_is_switched_off(browser: Browser) -> None:
    client = browser("admin")
    part = client.get("/jobs/?show=failed", headers=HTMX).content.decode()
    assert part.lstrip().startswith('<div id="jobs" hx-get="/jobs/?show=failed" hx-trigger="every 4s"')
    assert "every 4s" not in client.get("/jobs/?live=off", headers=HTMX).content.decode()


@pytest.mark.parametrize("others", [0, 60])
def test_the_number_of_queries_and_of_rows_does_not_grow(
    browser: Browser, django_assert_num_queries: DjangoAssertNumQueries, others: int
) -> None:
    for number in range(others + 1):
        result("SUCCESS", None)
        delivery(number, "claimed", 90)
        delivery(1000 + number, "failed")
    DeliveryLedger.objects.filter(status="failed").update(attempts=10)
    client = browser("admin")
    with django_assert_num_queries(7):  # session, person, runs, their counts, messages, those in doubt, those given up
        page = client.get("/jobs/", headers=HTMX).content.decode()
    shown = min(others + 1, 50)
    assert page.count("<tr>") == shown + 1
    assert page.count("<li>") == 2 * shown
    assert re.findall(r"<h3>([^<]+)</h3>", page) == (
        ["In doubt: 50 or more", "Given up: 50 or more"] if others else ["In doubt: 1", "Given up: 1"]
    )
