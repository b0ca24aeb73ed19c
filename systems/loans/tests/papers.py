"""What tests of document tasks have in common: send one as the endpoint does, and look at what came of it."""

from __future__ import annotations

from pathlib import Path

from coldframe import Bench

from core.enqueue import after_commit
from documents.models import Document, DocumentJob
from documents.tasks import generate_document_async
from tests import disk


def send(job: DocumentJob) -> None:
    """Send the task of a job, as the endpoint does."""
    after_commit(
        generate_document_async, job.application_id, job.document_type, job.requested_by_id, task_id=str(job.pk)
    )


def runs(bench: Bench) -> list[str]:
    """How each attempt to generate a document ended."""
    return [run.state for run in bench.runs("documents.tasks.generate_document_async")]


def the_one_document() -> Document:
    """There is one, with one file, and nothing else on the disk."""
    (document,) = Document.objects.all()
    assert disk.files() == [document.file.name]
    assert Path(document.file.path).read_bytes().startswith(b"%PDF-")
    return document
