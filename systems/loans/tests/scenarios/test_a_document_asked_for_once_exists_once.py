"""However often the request is delivered, and wherever its worker dies, there is one document with one file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from coldframe import Bench
from django.db import transaction

from applications.models import Application
from core.enqueue import after_commit
from documents.generation import request_document
from documents.models import Document, DocumentJob, DocumentType
from documents.tasks import generate_document_async
from users.models import Notification, User

pytestmark = [pytest.mark.django_db, pytest.mark.task, pytest.mark.coldframe(start="2026-03-02T09:00+11:00")]


@pytest.fixture
def job(coldframe: Bench, application_instance: Application, admin_user: User) -> DocumentJob:
    return request_document(application_instance, DocumentType.INDICATIVE_LETTER, admin_user)


def send(job: DocumentJob) -> None:
    """What the endpoint does, and what a broker does that delivers twice."""
    after_commit(
        generate_document_async,
        job.application_id,
        job.document_type,
        job.requested_by_id,
        task_id=str(job.pk),
    )


def files(settings: Any) -> list[Path]:
    return [path for path in Path(settings.MEDIA_ROOT).rglob("*") if path.is_file()]


def the_one_document(settings: Any) -> Document:
    (document,) = Document.objects.all()
    (path,) = files(settings)
    assert Path(document.file.path) == path
    assert path.read_bytes().startswith(b"%PDF-")
    return document


def test_asked_once(coldframe: Bench, job: DocumentJob, settings: Any) -> None:
    send(job)
    coldframe.drain()
    document = the_one_document(settings)
    job.refresh_from_db()
    assert job.document == document
    assert Notification.objects.filter(notification_type="document_uploaded").count() >= 1


def test_delivered_three_times(coldframe: Bench, job: DocumentJob, settings: Any) -> None:
    for _ in range(3):
        send(job)
    coldframe.drain()
    first = the_one_document(settings)
    coldframe.advance(days=1)
    send(job)
    coldframe.drain()
    assert the_one_document(settings) == first


def test_two_nodes_at_once(coldframe: Bench, job: DocumentJob, settings: Any) -> None:
    coldframe.node("left", concurrency=1)
    coldframe.node("right", concurrency=1)
    send(job)
    send(job)
    coldframe.drain()
    assert {run.node for run in coldframe.runs("generate_document_async")} == {"left", "right"}
    the_one_document(settings)


def test_a_request_that_was_rolled_back_makes_nothing(
    coldframe: Bench, application_instance: Application, admin_user: User, settings: Any
) -> None:
    with pytest.raises(ValueError, match="power cut"), transaction.atomic():
        send(request_document(application_instance, DocumentType.INDICATIVE_LETTER, admin_user))
        raise ValueError("power cut")
    coldframe.settle()
    assert (Document.objects.count(), DocumentJob.objects.count(), files(settings)) == (0, 0, [])


@pytest.mark.coldframe(beat=["pick-up-missed-jobs"], undrained="allow")
def test_a_request_whose_message_was_lost_is_found_again(coldframe: Bench, job: DocumentJob, settings: Any) -> None:
    coldframe.advance(minutes=30)  # the broker was down when the request was committed
    the_one_document(settings)
    coldframe.advance(hours=2)
    the_one_document(settings)
