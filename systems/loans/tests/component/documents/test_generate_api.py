"""Asking for documents over HTTP: by whom, for which application, and only once."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from coldframe import Bench
from rest_framework.test import APIClient

from documents.models import Document, DocumentJob
from documents.tasks import generate_document_async
from tests.house import House

pytestmark = [pytest.mark.component, pytest.mark.django_db]

HUGE = 10**30


def ask(api: APIClient, **values: Any) -> Any:
    return api.post("/api/documents/generate/", values, format="json")


@pytest.mark.parametrize("role", ["admin", "bd", "broker", "client"])
@pytest.mark.parametrize("kind", ["application_form", "indicative_letter", "formal_approval"])
def test_a_document_is_asked_for_and_comes(coldframe: Bench, house: House, role: str, kind: str) -> None:
    answer = ask(house.api(role), application=house.own.pk, document_type=kind)
    assert answer.status_code == 202, answer.data
    (message,) = coldframe.queued(generate_document_async)
    assert (str(answer.data["task_id"]), message.args) == (
        message.task_id,
        (house.own.pk, kind, house.people[role].pk),
    )
    coldframe.drain()
    job = DocumentJob.objects.get()
    assert job.pk == answer.data["task_id"]
    assert (job.document.document_type, job.document.created_by) == (kind, house.people[role])
    answer = house.api(role).get(f"/api/documents/{job.document_id}/download/")
    assert b"".join(answer.streaming_content).startswith(b"%PDF-")
    answer.close()


@pytest.mark.parametrize("role", ["bd", "broker", "client", "accounts"])
def test_documents_of_others_cannot_be_asked_for(coldframe: Bench, house: House, role: str) -> None:
    assert ask(house.api(role), application=house.other.pk, document_type="application_form").status_code == 404
    assert DocumentJob.objects.count() == 0
    coldframe.assert_not_queued(generate_document_async)


def test_a_double_click_makes_one_document(coldframe: Bench, house: House) -> None:
    wanted = {"application": house.own.pk, "document_type": "application_form", "request_id": str(uuid4())}
    answers = [ask(house.api("bd"), **wanted) for _ in range(2)]
    coldframe.drain()
    answers.append(ask(house.api("bd"), **wanted))
    assert {(answer.status_code, str(answer.data["task_id"])) for answer in answers} == {(202, wanted["request_id"])}
    assert Document.objects.count() == DocumentJob.objects.count() == 1
    coldframe.assert_not_queued(generate_document_async)  # what is done is not sent again
    other = ask(house.api("broker"), **wanted)
    assert (other.status_code, DocumentJob.objects.count()) == (409, 1)


@pytest.mark.parametrize(
    "wrong",
    [
        {"document_type": "income"},
        {"document_type": "../letter.html"},
        {"document_type": None},
        {"document_type": ["application_form"]},
        {"application": "x"},
        {"application": HUGE},
        {"application": -1},
        {"application": None},
        {"request_id": "x"},
        {"request_id": 7.5},
    ],
)
def test_a_request_that_makes_no_sense_is_refused(house: House, wrong: dict[str, Any]) -> None:
    right = {"application": house.own.pk, "document_type": "application_form"}
    answer = ask(house.api("admin"), **{**right, **wrong})
    assert answer.status_code == 400
    assert set(answer.data) == set(wrong)
    assert DocumentJob.objects.count() == 0
