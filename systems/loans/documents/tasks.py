"""The background work on documents. What is done is in `generation`, `jobs` and `bank_import`; here is how."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from celery import shared_task

from core.clock import now
from core.enqueue import after_commit
from core.jobs import Job
from documents import bank_import, generation, jobs
from documents.selectors import unfinished_imports


class Generating(Job):
    """A task that generates a document: also tried again when its file cannot be written, and given up in its job."""

    autoretry_for = (*Job.autoretry_for, OSError)
    track_started = True

    @property
    def request_id(self) -> str:
        """What a second delivery or a retry has in common with the first; a direct call is a request of its own."""
        return self.request.id or str(uuid4())

    def on_failure(self, exc: BaseException, task_id: str, *_details: Any) -> None:
        """Called once no retry is left."""
        jobs.record_failure(task_id, exc)


@shared_task(bind=True, base=Generating, name="documents.tasks.generate_document_async")
def generate_document_async(
    self: Generating, application_id: int, document_type: str, user_id: int | None = None
) -> dict[str, Any]:
    """Generate a letter or form of an application. Never twice: by application, type and id of the task."""
    order = generation.Order(application_id, document_type, user_id, self.request_id)
    return generation.generate(order, self.tell)


@shared_task(bind=True, base=Generating, name="documents.tasks.generate_pdf_async")
def generate_pdf_async(
    self: Generating,
    template_name: str,
    context: dict[str, Any] | None,
    output_filename: str,
    document_type: str,
    application_id: int,
    user_id: int | None = None,
) -> dict[str, Any]:
    """Generate a document from one of the known templates, with values of the caller's. Never twice: as above."""
    order = generation.Order(
        application_id, document_type, user_id, self.request_id, template_name, context or {}, output_filename
    )
    return generation.generate(order, self.tell)


@shared_task(bind=True, base=Job, name="documents.tasks.pick_up_missed_jobs")
def pick_up_missed_jobs(self: Job) -> dict[str, int]:
    """Send what was asked for and never started. Harmless twice: what it sends is done once."""
    missed = jobs.pick_up_missed()
    for job in missed:
        task_id = str(job.pk)
        after_commit(
            generate_document_async, job.application_id, job.document_type, job.requested_by_id, task_id=task_id
        )
    imports = list(unfinished_imports(now() - jobs.MISSED_AFTER))
    for source in imports:
        after_commit(import_repayments, source.pk)
    return {"documents": len(missed), "imports": len(imports)}


@shared_task(
    bind=True,
    base=Job,
    name="documents.tasks.import_repayments",
    track_started=True,
    soft_time_limit=3600,
    time_limit=3660,
)
def import_repayments(self: Job, import_id: int) -> dict[str, int | str]:
    """Book a bank's file of payments. It resumes where an earlier run stopped, and books a payment once."""
    return bank_import.run(import_id, tell=self.tell)
