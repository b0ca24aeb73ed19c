"""Requests for documents, from the moment they are asked for: who may see them, how far they are, which got lost."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from celery.result import AsyncResult
from celery.states import FAILURE, PENDING, RETRY, REVOKED, STARTED, SUCCESS
from django.db.models import F, Q, QuerySet
from django_celery_results.models import TaskResult

from applications.selectors import scope_of
from core.clock import now
from documents.models import Document, DocumentJob
from users.models import Role

if TYPE_CHECKING:
    from users.models import User

MISSED_AFTER = timedelta(minutes=10)
#: A job whose task still waits in its queue is not sent again all the time.
PICKED_UP_AGAIN_AFTER = timedelta(hours=1)
AT_ONCE = 200
MESSAGES = {
    PENDING: "waiting for a worker",
    STARTED: "started",
    RETRY: "did not work, and will be tried again",
    SUCCESS: "done",
    FAILURE: "failed",
    REVOKED: "cancelled",
}
UNREADABLE = "it failed, and left an error that cannot be read"


@dataclass(frozen=True, slots=True)
class State:
    """How far a task is, for whoever waits for it."""

    status: str
    progress: int
    message: str
    result: Any = None


def visible_jobs(user: User) -> QuerySet[DocumentJob]:
    """The jobs that a person may follow: clients their own, all others those of the applications that they may see."""
    if user.is_admin:
        return DocumentJob.objects.all()
    own = Q(requested_by=user)
    visible = own if user.role == Role.CLIENT else own | scope_of(user, "application__")
    return DocumentJob.objects.filter(visible).distinct()


def state_of(task_id: UUID, job: DocumentJob | None = None) -> State:
    """How far a task is. What a job knows is true also when Celery's results are long cleaned up."""
    if job and job.finished_at:
        return _of_finished(job)
    task = AsyncResult(str(task_id))
    try:
        status, info = task.state, task.result
    except ValueError:  # somebody wrote a failure that is no exception
        return State(FAILURE, 0, UNREADABLE)
    if status == SUCCESS:
        return State(SUCCESS, 100, MESSAGES[SUCCESS], info)
    if isinstance(info, dict) and "progress" in info:
        return State(status, info["progress"], info.get("message", ""))
    told = f"{MESSAGES.get(status, status.lower())}: {info}" if isinstance(info, Exception) else ""
    return State(status, 0, told or MESSAGES.get(status, status.lower()))


def result_of(document: Document) -> dict[str, Any]:
    """What the task gives back, and what the API shows of it."""
    return {
        "document_id": document.pk,
        "application_id": document.application_id,
        "title": document.title,
        "file_name": document.file_name,
        "file_size": document.file_size,
    }


def record_document(task_id: str, document: Document) -> None:
    """The job has its document. Whatever else happens to its task, it is done."""
    _of_task(task_id).update(document=document, finished_at=now(), error="")


def record_failure(task_id: str, error: BaseException) -> None:
    """The job is given up; one that has its document is not."""
    _of_task(task_id).filter(finished_at=None).update(finished_at=now(), error=f"{error}"[:2000] or repr(error))


def pick_up_missed() -> list[DocumentJob]:
    """Jobs whose task was never started, for instance because the broker was down; each is given out once an hour.

    Jobs whose task was ended from outside, by its time limit or by hand, are given up on the way.
    """
    old_enough = DocumentJob.objects.filter(finished_at=None, created_at__lte=now() - MISSED_AFTER)
    free = Q(picked_up_at=None) | Q(picked_up_at__lte=now() - PICKED_UP_AGAIN_AFTER)
    jobs = old_enough.filter(free).order_by(F("picked_up_at").asc(nulls_first=True), "created_at")[:AT_ONCE]
    mine = [job for job in jobs if old_enough.filter(free, pk=job.pk).update(picked_up_at=now())]
    started = _started([str(job.pk) for job in mine])
    for task_id, status in started.items():
        if status in (FAILURE, REVOKED):
            record_failure(
                task_id, RuntimeError(f"Its task was ended from outside ({status}); ask for the document again.")
            )
    return [job for job in mine if str(job.pk) not in started]


def _started(task_ids: list[str]) -> dict[str, str]:
    known = TaskResult.objects.filter(task_id__in=task_ids).exclude(status=PENDING)
    return dict(known.values_list("task_id", "status"))


def _of_finished(job: DocumentJob) -> State:
    if job.error:
        return State(FAILURE, 0, job.error)
    if job.document is None:
        return State(SUCCESS, 100, "done; the document was deleted later")
    return State(SUCCESS, 100, MESSAGES[SUCCESS], result_of(job.document))


def _of_task(task_id: str) -> QuerySet[DocumentJob]:
    try:
        return DocumentJob.objects.filter(pk=UUID(task_id))
    except ValueError:  # a task that somebody sent with an id of their own
        return DocumentJob.objects.none()
