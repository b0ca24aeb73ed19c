"""A document that was asked for once exists once, whoever dies; and what got lost is found again."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from coldframe import Bench
from django_celery_results.models import TaskResult

from applications.models import Application
from core.clock import now
from documents import files
from documents.generation import request_document
from documents.jobs import state_of
from documents.models import Document, DocumentJob, DocumentType, RepaymentImport
from documents.tasks import generate_document_async, pick_up_missed_jobs
from tests import disk
from tests.papers import runs, send, the_one_document
from users.models import Notification, User

pytestmark = [pytest.mark.task, pytest.mark.django_db, pytest.mark.coldframe(start="2026-03-02T09:00+11:00")]


@pytest.fixture
def store(settings: Any) -> disk.Disk:
    """A disk that can be slow and full."""
    return disk.install(settings)


@pytest.fixture
def job(coldframe: Bench, application_instance: Application, admin_user: User) -> DocumentJob:
    return request_document(application_instance, DocumentType.INDICATIVE_LETTER, admin_user)


# --- never twice ---------------------------------------------------------------------------------------------------


def test_a_process_that_is_killed_while_it_writes_leaves_nothing_double(
    coldframe: Bench, job: DocumentJob, store: disk.Disk
) -> None:
    store.seconds_to_write = 10
    send(job)
    coldframe.advance(seconds=5)
    coldframe.kill_process("celery")
    coldframe.drain()
    assert runs(coldframe) == ["LOST", "SUCCESS"]
    the_one_document()


def test_a_node_that_is_killed_before_it_moves_the_file_leaves_only_what_the_clean_up_takes(
    coldframe: Bench, job: DocumentJob, store: disk.Disk, settings: Any
) -> None:
    store.seconds_to_move = 10
    coldframe.node("first")
    send(job)
    coldframe.advance(seconds=5)
    (written,) = disk.files()
    assert written.startswith("unfinished/")
    coldframe.kill("first")

    store.seconds_to_move = 0
    coldframe.node("second")
    coldframe.drain()
    assert runs(coldframe) == ["LOST", "SUCCESS"]
    document = Document.objects.get()
    assert disk.files() == sorted([document.file.name, written])

    left = Path(settings.MEDIA_ROOT) / written
    os.utime(left, ((now() - timedelta(days=2)).timestamp(),) * 2)
    assert files.remove_stale_temp_files() == 1
    assert the_one_document() == document


def test_a_worker_that_is_killed_after_the_document_still_tells_its_people_once(
    coldframe: Bench, job: DocumentJob
) -> None:
    send(job)
    coldframe.drain()
    document = the_one_document()
    Notification.objects.all().delete()  # as if it had died before it told them
    DocumentJob.objects.update(document=None, finished_at=None)
    for _ in range(2):
        send(job)
        coldframe.drain()
    job.refresh_from_db()
    assert job.document == the_one_document() == document
    told = Notification.objects.filter(notification_type="document_uploaded")
    assert len(told) == len({note.user_id for note in told}) == 4


def test_two_workers_at_once_make_one_document(coldframe: Bench, job: DocumentJob, store: disk.Disk) -> None:
    store.seconds_to_write = 10
    for name in ("left", "right"):
        coldframe.node(name, concurrency=1)
        send(job)
    coldframe.drain()
    first, second = coldframe.runs(generate_document_async)
    assert {first.node, second.node} == {"left", "right"}
    assert second.started_at < first.finished_at
    assert first.result == second.result
    assert the_one_document().pk == first.result["document_id"]
    assert Notification.objects.filter(notification_type="document_uploaded").count() == 4


@pytest.mark.coldframe(profile="redis")
def test_a_message_that_redis_hands_out_again_makes_no_second_document(
    coldframe: Bench, job: DocumentJob, store: disk.Disk
) -> None:
    store.seconds_to_write = 5
    coldframe.node("first")
    send(job)
    coldframe.advance(seconds=3)
    coldframe.kill("first")
    coldframe.node("second")
    coldframe.drain(within=timedelta(hours=3))
    assert runs(coldframe) == ["LOST", "SUCCESS"]
    assert Document.objects.count() == 1


# --- what got lost -------------------------------------------------------------------------------------------------


def test_a_request_whose_message_was_lost_is_picked_up_once(coldframe: Bench, job: DocumentJob) -> None:
    coldframe.advance(minutes=9, seconds=59)
    assert pick_up_missed_jobs() == {"documents": 0, "imports": 0}
    coldframe.advance(seconds=1)
    assert pick_up_missed_jobs() == {"documents": 1, "imports": 0}
    (message,) = coldframe.queued(generate_document_async)
    assert (message.task_id, message.args) == (
        str(job.pk),
        (job.application_id, "indicative_letter", job.requested_by_id),
    )
    assert pick_up_missed_jobs() == {"documents": 0, "imports": 0}
    coldframe.drain()
    job.refresh_from_db()
    assert job.document == the_one_document()
    coldframe.advance(days=40)
    assert pick_up_missed_jobs() == {"documents": 0, "imports": 0}


@pytest.mark.coldframe(undrained="allow", unread="collect")
def test_a_job_that_waits_long_is_sent_again_only_every_hour(coldframe: Bench, job: DocumentJob) -> None:
    coldframe.node("elsewhere", queues=["reports"])  # nobody reads the queue
    coldframe.advance(minutes=10)
    assert pick_up_missed_jobs()["documents"] == 1
    coldframe.advance(minutes=59, seconds=59)
    assert pick_up_missed_jobs()["documents"] == 0
    coldframe.advance(seconds=1)
    assert pick_up_missed_jobs()["documents"] == 1
    coldframe.node("documents", queues=["documents"])
    coldframe.drain()
    assert runs(coldframe) == ["SUCCESS", "SUCCESS"]
    the_one_document()


def test_a_job_that_is_being_worked_on_is_left_alone(coldframe: Bench, job: DocumentJob, store: disk.Disk) -> None:
    store.seconds_to_write = 1200
    coldframe.node("slow", pool="threads")
    send(job)
    coldframe.advance(minutes=15)
    assert state_of(job.pk, job).status == "PROGRESS"
    assert pick_up_missed_jobs()["documents"] == 0


def test_a_job_whose_task_was_ended_from_outside_is_given_up(coldframe: Bench, job: DocumentJob) -> None:
    TaskResult.objects.create(task_id=str(job.pk), status="REVOKED")
    coldframe.advance(minutes=10)
    assert pick_up_missed_jobs()["documents"] == 0
    job.refresh_from_db()
    assert job.error == "Its task was ended from outside (REVOKED); ask for the document again."
    assert job.finished_at == now()


def test_a_document_that_was_deleted_is_not_made_again(coldframe: Bench, job: DocumentJob) -> None:
    send(job)
    coldframe.drain()
    files.remove(Document.objects.get())
    TaskResult.objects.all().delete()
    coldframe.advance(days=40)
    assert pick_up_missed_jobs()["documents"] == 0


def test_an_import_that_nobody_works_on_is_sent_again(coldframe: Bench) -> None:
    source = RepaymentImport.objects.create(file="imports/gone.csv")
    coldframe.advance(minutes=10)
    assert pick_up_missed_jobs() == {"documents": 0, "imports": 1}
    coldframe.assert_queued("documents.tasks.import_repayments", args=(source.pk,))
    coldframe.drain()
    source.refresh_from_db()
    assert source.status == RepaymentImport.Status.FAILED
