"""`GET /api/tasks/<id>/`: who may follow which task, and what is said in each of its states."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest
from celery.result import AsyncResult
from coldframe import Bench

from core.clock import now
from crm_backend.celery import app
from documents.generation import request_document
from documents.models import DocumentJob
from documents.tasks import generate_document_async
from tests.factories import DocumentFactory
from tests.house import House
from users.models import User

pytestmark = [pytest.mark.component, pytest.mark.django_db]


def job_of(house: House, by: User | None = None, *, other: bool = False) -> DocumentJob:
    return request_document(house.other if other else house.own, "application_form", by)


def state(house: House, task_id: UUID, role: str = "admin") -> Any:
    return house.api(role).get(f"/api/tasks/{task_id}/")


@pytest.mark.parametrize(
    ("asked_by", "may_follow"),
    [
        ("admin", {"admin", "bd", "broker"}),
        ("bd", {"admin", "bd", "broker"}),
        ("broker", {"admin", "bd", "broker"}),
        ("client", {"admin", "bd", "broker", "client"}),
    ],
)
def test_clients_follow_their_own_tasks_and_the_office_those_of_its_applications(
    house: House, asked_by: str, may_follow: set[str]
) -> None:
    job = job_of(house, house.people[asked_by])
    for role in house.people:
        assert state(house, job.pk, role).status_code == (200 if role in may_follow else 404), role


def test_tasks_of_other_applications_are_for_administrators(house: House) -> None:
    job = job_of(house, other=True)
    assert {role: state(house, job.pk, role).status_code for role in house.people} == {
        "admin": 200,
        "bd": 404,
        "broker": 404,
        "client": 404,
        "accounts": 404,
    }


def test_a_task_that_was_asked_for_stays_ones_own(house: House) -> None:
    job = job_of(house, house.people["broker"])
    house.own.broker = None
    house.own.save()
    assert state(house, job.pk, "broker").status_code == 200


def test_an_unknown_task_is_unknown_to_all(house: House) -> None:
    for role in house.people:
        assert state(house, uuid4(), role).status_code == 404
    assert house.api("admin").get("/api/tasks/7/").status_code == 404


def test_without_login_there_is_nothing(house: House, client: Any) -> None:
    assert client.get(f"/api/tasks/{job_of(house).pk}/").status_code == 401


@pytest.mark.parametrize(
    ("status", "written", "said"),
    [
        (None, None, ("PENDING", 0, "waiting for a worker", None)),
        ("STARTED", {"pid": 1, "hostname": "worker"}, ("STARTED", 0, "started", None)),
        ("PROGRESS", {"progress": 25, "message": "written"}, ("PROGRESS", 25, "written", None)),
        ("PROGRESS", {"progress": 30}, ("PROGRESS", 30, "", None)),
        (
            "RETRY",
            OSError("disk full"),
            ("RETRY", 0, "did not work, and will be tried again: disk full", None),
        ),
        ("FAILURE", ValueError("no such thing"), ("FAILURE", 0, "failed: no such thing", None)),
        ("REVOKED", RuntimeError("by hand"), ("REVOKED", 0, "cancelled: by hand", None)),
        ("SUCCESS", {"sent": 3}, ("SUCCESS", 100, "done", {"sent": 3})),
        ("SUCCESS", None, ("SUCCESS", 100, "done", None)),
        ("RECEIVED", None, ("RECEIVED", 0, "received", None)),
    ],
)
def test_every_state_is_told(house: House, status: str | None, written: Any, said: tuple[Any, ...]) -> None:
    job = job_of(house)
    if status:
        app.backend.store_result(str(job.pk), written, status)
    answer = state(house, job.pk)
    assert answer.status_code == 200, answer.data
    names = ("status", "progress", "message", "result")
    assert answer.data == dict(zip(names, said, strict=True))


def test_a_failure_that_is_no_exception_does_not_break_the_answer(house: House) -> None:
    job = job_of(house)
    app.backend.store_result(str(job.pk), {"error": "as an old version wrote it"}, "FAILURE")
    with pytest.raises(ValueError, match="Exception information must include the exception type"):
        _ = AsyncResult(str(job.pk)).state
    answer = state(house, job.pk)
    assert (answer.status_code, answer.data["status"]) == (200, "FAILURE")
    assert answer.data["message"] == "it failed, and left an error that cannot be read"


def test_what_the_job_knows_outlives_the_results(house: House) -> None:
    document = DocumentFactory(application=house.own, title="Application form", file_name="form.pdf")
    job = job_of(house)
    DocumentJob.objects.filter(pk=job.pk).update(finished_at=now(), document=document)
    assert state(house, job.pk).data == {
        "status": "SUCCESS",
        "progress": 100,
        "message": "done",
        "result": {
            "document_id": document.pk,
            "application_id": house.own.pk,
            "title": "Application form",
            "file_name": "form.pdf",
            "file_size": 16,
        },
    }
    document.delete()
    answer = state(house, job.pk).data
    assert (answer["status"], answer["result"]) == ("SUCCESS", None)
    assert answer["message"] == "done; the document was deleted later"
    DocumentJob.objects.filter(pk=job.pk).update(error="No space left on device")
    answer = state(house, job.pk).data
    assert (answer["status"], answer["message"]) == ("FAILURE", "No space left on device")


def test_administrators_follow_tasks_that_are_nobodys_job(coldframe: Bench, house: House) -> None:
    result = generate_document_async.delay(house.own.pk, "application_form", house.people["bd"].pk)
    coldframe.drain()
    answer = state(house, UUID(result.id))
    assert (answer.status_code, answer.data["status"], answer.data["progress"]) == (200, "SUCCESS", 100)
    assert answer.data["result"]["application_id"] == house.own.pk
    assert state(house, UUID(result.id), "bd").status_code == 404
