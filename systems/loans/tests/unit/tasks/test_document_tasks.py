"""The document tasks on the bench: what they make, how far they say they are, and what goes wrong."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from coldframe import Bench
from django.db.models.signals import post_save
from django_celery_results.models import TaskResult

from applications.models import Application
from core.clock import now
from core.enqueue import after_commit
from core.errors import NotPossible
from documents.generation import request_document
from documents.jobs import state_of
from documents.models import Document, DocumentJob, DocumentType
from documents.tasks import generate_document_async, generate_pdf_async, pick_up_missed_jobs
from tests import disk
from tests.papers import runs, send, the_one_document
from users.models import Notification, User

pytestmark = [pytest.mark.task, pytest.mark.django_db, pytest.mark.coldframe(start="2026-03-02T09:00+11:00")]


@pytest.fixture
def store(settings: Any) -> disk.Disk:
    """A disk that can be slow and full."""
    return disk.install(settings)


@pytest.fixture
def states() -> Iterator[list[str]]:
    """Each state that is written for the task, with its progress."""
    seen: list[str] = []

    def keep(sender: type, instance: TaskResult, **_: Any) -> None:
        progress = f" {state_of(instance.task_id).progress}" if instance.status == "PROGRESS" else ""
        seen.append(f"{instance.status}{progress}")

    post_save.connect(keep, TaskResult, weak=False, dispatch_uid="states")
    yield seen
    post_save.disconnect(sender=TaskResult, dispatch_uid="states")


@pytest.fixture
def job(coldframe: Bench, application_instance: Application, admin_user: User) -> DocumentJob:
    return request_document(application_instance, DocumentType.INDICATIVE_LETTER, admin_user)


# --- what they do --------------------------------------------------------------------------------------------------


def test_a_document_is_generated(coldframe: Bench, application_instance: Application, admin_user: User) -> None:
    result = generate_document_async.delay(application_instance.pk, "application_form", admin_user.pk)
    assert result.get()["document_id"] == the_one_document().pk
    document = the_one_document()
    assert (document.document_type, document.created_by) == ("application_form", admin_user)
    assert document.generation_key == f"{application_instance.pk}:application_form:{result.id}"
    (run,) = coldframe.runs(generate_document_async)
    assert run.queue == "documents"


@pytest.mark.parametrize("by_keyword", [False, True])
def test_nobody_in_particular_may_have_asked(
    coldframe: Bench, application_instance: Application, *, by_keyword: bool
) -> None:
    if by_keyword:
        generate_document_async.delay(
            application_id=application_instance.pk, document_type="application_form", user_id=None
        )
    else:
        generate_document_async.delay(application_instance.pk, "application_form", None)
    coldframe.drain()
    assert the_one_document().created_by is None
    assert Notification.objects.filter(notification_type="document_uploaded").count() == 3


def test_the_progress_can_be_followed(coldframe: Bench, job: DocumentJob, states: list[str]) -> None:
    send(job)
    coldframe.drain()
    assert states == ["STARTED", "PROGRESS 0", "PROGRESS 25", "PROGRESS 75", "SUCCESS"]
    job.refresh_from_db()
    assert job.document == the_one_document()


def test_while_it_is_stored_it_is_at_75(coldframe: Bench, job: DocumentJob, store: disk.Disk) -> None:
    store.seconds_to_write = 10
    assert state_of(job.pk, job).status == "PENDING"
    send(job)
    coldframe.advance(seconds=5)
    state = state_of(job.pk, job)
    assert (state.status, state.progress, state.message, state.result) == ("PROGRESS", 75, "printed", None)
    coldframe.drain()
    job.refresh_from_db()
    state = state_of(job.pk, job)
    assert (state.status, state.progress, state.result["document_id"]) == ("SUCCESS", 100, job.document_id)


def test_a_document_from_a_template_with_values_of_the_callers(
    coldframe: Bench, application_instance: Application, admin_user: User
) -> None:
    result = generate_pdf_async.delay(
        "formal_approval.html",
        {"message": "By courier."},
        "../Our letter.pdf",
        "formal_approval",
        application_instance.pk,
        admin_user.pk,
    )
    coldframe.drain()
    document = the_one_document()
    assert (document.file_name, document.document_type) == ("Our letter.pdf", "formal_approval")
    assert result.result["file_name"] == "Our letter.pdf"


def test_tasks_can_be_called_directly(application_instance: Application, admin_user: User) -> None:
    first = generate_document_async(application_instance.pk, "application_form", admin_user.pk)
    second = generate_document_async(application_instance.pk, "application_form", admin_user.pk)
    third = generate_pdf_async("application_form", None, "", "application_form", application_instance.pk, None)
    assert len({first["document_id"], second["document_id"], third["document_id"]}) == 3
    assert Document.objects.count() == len(disk.files()) == 3
    assert TaskResult.objects.count() == 0


def test_a_task_may_have_an_id_of_its_senders_own(coldframe: Bench, application_instance: Application) -> None:
    for _ in range(2):
        generate_document_async.apply_async(
            (application_instance.pk, "application_form", None), task_id="form of today"
        )
    coldframe.drain()
    assert the_one_document().generation_key == f"{application_instance.pk}:application_form:form of today"


# --- what goes wrong -----------------------------------------------------------------------------------------------


def test_a_full_disk_is_tried_again(coldframe: Bench, job: DocumentJob, store: disk.Disk, states: list[str]) -> None:
    store.full = 2
    send(job)
    coldframe.drain()
    assert runs(coldframe) == ["RETRY", "RETRY", "SUCCESS"]
    job.refresh_from_db()
    assert (job.document, job.error) == (the_one_document(), "")
    attempt = ["STARTED", "PROGRESS 0", "PROGRESS 25", "PROGRESS 75"]
    assert states == [*attempt, "RETRY", *attempt, "RETRY", *attempt, "SUCCESS"]


def test_a_disk_that_stays_full_fails_the_job(coldframe: Bench, job: DocumentJob, store: disk.Disk) -> None:
    store.full = 99
    coldframe.expect_failure(OSError)
    send(job)
    coldframe.drain()
    assert runs(coldframe) == ["RETRY", "RETRY", "RETRY", "FAILURE"]
    job.refresh_from_db()
    assert job.error == "[Errno 28] No space left on device"
    assert state_of(job.pk, job).status == "FAILURE"
    assert (Document.objects.count(), disk.files()) == (0, [])
    coldframe.advance(hours=2)
    assert pick_up_missed_jobs() == {"documents": 0, "imports": 0}


def test_an_unknown_type_fails_at_once(coldframe: Bench, application_instance: Application) -> None:
    coldframe.expect_failure(NotPossible)
    result = generate_document_async.delay(application_instance.pk, "love_letter", None)
    coldframe.drain()
    assert runs(coldframe) == ["FAILURE"]
    assert result.state == "FAILURE"
    assert isinstance(result.result, NotPossible)
    assert str(result.result) == (
        "'love_letter' is not a document that can be generated; "
        "choose one of application_form, indicative_letter, formal_approval."
    )


def test_an_unknown_application_fails_at_once(coldframe: Bench) -> None:
    coldframe.expect_failure(NotPossible)
    result = generate_document_async.delay(4711, "application_form", None)
    coldframe.drain()
    assert runs(coldframe) == ["FAILURE"]
    assert str(result.result) == "There is no application 4711; nothing was generated."


def test_a_template_that_is_none_fails_at_once(coldframe: Bench, application_instance: Application) -> None:
    coldframe.expect_failure(NotPossible)
    generate_pdf_async.delay("../../settings.py", {}, "a.pdf", "other", application_instance.pk, None)
    coldframe.drain()
    assert [run.state for run in coldframe.runs(generate_pdf_async)] == ["FAILURE"]
    assert disk.files() == []


def test_a_failure_is_written_into_its_job(coldframe: Bench, job: DocumentJob) -> None:
    coldframe.expect_failure(NotPossible)
    after_commit(generate_document_async, job.application_id, "love_letter", None, task_id=str(job.pk))
    coldframe.drain()
    job.refresh_from_db()
    assert job.error.startswith("'love_letter' is not a document")
    assert job.finished_at == now()


def test_an_application_that_was_deleted_takes_its_job_with_it(coldframe: Bench, job: DocumentJob) -> None:
    coldframe.expect_failure(NotPossible)
    send(job)
    job.application.delete()
    coldframe.drain()
    assert runs(coldframe) == ["FAILURE"]
    assert (DocumentJob.objects.count(), disk.files()) == (0, [])
