"""The page of one application, and its papers."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from coldframe import Bench
from pytest_django import DjangoAssertNumQueries

from applications.moves import move
from core.clock import now, today
from documents.models import Document, DocumentJob
from documents.tasks import generate_document_async
from tests.component.web.conftest import HTMX, Browser
from tests.factories import DocumentFactory, NoteFactory, RepaymentFactory
from tests.house import House

pytestmark = [pytest.mark.component, pytest.mark.django_db, pytest.mark.coldframe(undrained="allow")]


def request_of(page: str) -> str:
    found = re.search(r'name="request_id" value="([\w-]+)"', page)
    assert found, "the page has no form for documents"
    return found[1]


def ask(house: House, client: Any, **given: str) -> Any:
    form = {"document_type": "application_form", "request_id": str(uuid4()), **given}
    return client.post(f"/applications/{house.own.pk}/documents/", form)


@pytest.mark.parametrize("role", ["admin", "bd", "broker"])
def test_the_page_shows_everything(browser: Browser, house: House, coldframe: Bench, role: str) -> None:
    move(house.own, "pre_approval", house.people["bd"])
    DocumentFactory(application=house.own, title="Payslip of May")
    page = browser(role).get(f"/applications/{house.own.pk}/").content.decode()
    for text in ["$500,000.00", "360 months", "6.00 % a year", "For the office", "Payslip of May", "Application fee"]:
        assert text in page
    assert re.search(r"<strong>Pre-approval</strong> <span[^>]*>from Inquiry</span>", page)
    assert ("/pay/" in page) == (role != "broker")


@pytest.mark.parametrize("role", ["bd", "broker", "accounts"])
def test_an_application_of_others_does_not_exist(browser: Browser, house: House, role: str) -> None:
    paper = DocumentFactory(application=house.other)
    job = DocumentJob.objects.create(application=house.other, document_type="application_form")
    for path in ("", "documents/", f"documents/{job.pk}/"):
        method = "post" if path == "documents/" else "get"
        assert getattr(browser(role), method)(f"/applications/{house.other.pk}/{path}").status_code == 404
    assert browser(role).get(f"/documents/{paper.pk}/download/").status_code == 404


def test_of_a_long_schedule_the_next_instalments_are_shown(browser: Browser, house: House) -> None:
    first = house.own.repayments.get().due_date
    for number in range(1, 12):
        paid = {"paid_date": today(), "paid_amount": 1000} if number < 4 else {}
        RepaymentFactory(application=house.own, due_date=first + timedelta(days=number), **paid)
    client, path = browser("bd"), f"/applications/{house.own.pk}/"
    page = client.get(path).content.decode()
    assert page.count('data-label="Due"') == 1 + 6 + 1  # the last paid, the next six, and the fee
    assert '<a href="?repayments=all">Show all 12</a>' in page
    everything = client.get(path, {"repayments": "all"}).content.decode()
    assert everything.count('data-label="Due"') == 12 + 1
    assert "Show all" not in everything


@pytest.mark.parametrize("more", [0, 15])
def test_the_number_of_queries_does_not_grow(
    browser: Browser, house: House, django_assert_num_queries: DjangoAssertNumQueries, more: int
) -> None:
    RepaymentFactory.create_batch(more, application=house.own)
    NoteFactory.create_batch(more + 1, application=house.own)
    DocumentFactory.create_batch(more, application=house.own)
    DocumentJob.objects.create(application=house.own, document_type="application_form")
    client = browser("bd")
    # session, person, application; borrowers, guarantors, notes and authors, fees, repayments, documents, changes, jobs
    with django_assert_num_queries(12):
        client.get(f"/applications/{house.own.pk}/", headers=HTMX)


def test_a_document_is_asked_for_followed_and_downloaded(browser: Browser, house: House, coldframe: Bench) -> None:
    client, path = browser("broker"), f"/applications/{house.own.pk}/"
    request_id = request_of(client.get(path).content.decode())
    answer = client.post(f"{path}documents/", {"document_type": "application_form", "request_id": request_id})
    assert answer.url == f"{path}documents/{request_id}/"
    (sent,) = coldframe.assert_queued(generate_document_async)
    assert (sent.task_id, sent.args) == (
        request_id,
        (house.own.pk, "application_form", house.people["broker"].pk),
    )
    waiting = client.get(answer.url).content.decode()
    assert "Waiting for a worker" in waiting
    assert '<noscript><a class="button wide"' in waiting

    coldframe.drain()
    ready = client.get(answer.url).content.decode()
    document = Document.objects.get(application=house.own)
    assert f'href="/documents/{document.pk}/download/"' in ready
    assert "<progress" not in ready
    file = client.get(f"/documents/{document.pk}/download/")
    assert file.headers["Content-Disposition"] == f'attachment; filename="{house.own}-application_form.pdf"'
    assert b"".join(file.streaming_content).startswith(b"%PDF-")


def test_htmx_polls_until_the_document_is_there(browser: Browser, house: House, coldframe: Bench) -> None:
    client, path = browser("bd"), f"/applications/{house.own.pk}/"
    asked = client.post(
        f"{path}documents/", {"document_type": "indicative_letter", "request_id": str(uuid4())}, headers=HTMX
    )
    assert asked.headers["HX-Trigger"] == '{"document-asked-for": {}}'
    job = DocumentJob.objects.get()
    assert f'hx-get="{path}documents/{job.pk}/" hx-trigger="load"' in client.get(path, headers=HTMX).content.decode()
    polled = client.get(f"{path}documents/{job.pk}/", headers=HTMX)
    assert 'hx-trigger="every 1s"' in polled.content.decode()
    assert "HX-Trigger" not in polled.headers
    coldframe.drain()
    polled = client.get(f"{path}documents/{job.pk}/", headers=HTMX)
    assert "hx-get" not in polled.content.decode()
    assert polled.headers["HX-Trigger"] == '{"document-ready": {}}'
    assert str(job.pk) not in client.get(path, headers=HTMX).content.decode()


def test_a_double_click_asks_for_one_document(browser: Browser, house: House, coldframe: Bench) -> None:
    client, request_id = browser("bd"), str(uuid4())
    assert [ask(house, client, request_id=request_id).status_code for _ in range(2)] == [302, 302]
    coldframe.drain()
    assert ask(house, client, request_id=request_id).status_code == 302
    coldframe.drain()
    assert Document.objects.count() == 1
    assert DocumentJob.objects.get().pk == UUID(request_id)


def test_a_document_that_fails_says_why_and_is_polled_no_longer(browser: Browser, house: House) -> None:
    job = DocumentJob.objects.create(
        application=house.own, document_type="application_form", error="the disk is full", finished_at=now()
    )
    part = browser("bd").get(f"/applications/{house.own.pk}/documents/{job.pk}/", headers=HTMX).content.decode()
    assert "The disk is full" in part
    assert "hx-get" not in part


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"document_type": "passport"}, "Select a valid choice. passport is not one of the available choices."),
        ({"document_type": ""}, "This field is required."),
        ({"request_id": "7"}, "This form is too old. Load the page again, then ask once more."),
    ],
)
def test_what_cannot_be_made_is_explained(
    browser: Browser, house: House, coldframe: Bench, given: dict[str, str], complaint: str
) -> None:
    answer = ask(house, browser("bd"), **given)
    assert answer.status_code == 400
    assert complaint in answer.content.decode()
    coldframe.assert_not_queued(generate_document_async)


def test_a_request_that_was_used_for_another_paper_is_a_conflict(
    browser: Browser, house: House, coldframe: Bench
) -> None:
    client, request_id = browser("bd"), str(uuid4())
    ask(house, client, request_id=request_id)
    answer = ask(house, client, request_id=request_id, document_type="indicative_letter")
    assert answer.status_code == 409
    assert "was used for another document; use a new one." in answer.content.decode()
    assert request_of(answer.content.decode()) != request_id


def test_a_file_that_is_gone_is_a_404_with_the_reason(browser: Browser, house: House) -> None:
    paper = DocumentFactory(application=house.own)
    Path(paper.file.path).unlink()
    answer = browser("bd").get(f"/documents/{paper.pk}/download/")
    assert answer.status_code == 404
    assert "is no longer there; ask the office to upload it again." in answer.content.decode()
