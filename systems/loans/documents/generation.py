"""Generate documents. However often a request is carried out, there is one document with one file.

What makes it the same request is its key: application, type and request. The file's name follows from the key. The row
is made first and committed only with the file in place: of two workers, the one that makes the row moves the file.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any
from uuid import UUID, uuid4

from django.core.files.storage import default_storage
from django.db import transaction

from applications.models import Application
from core.clock import now
from core.errors import Conflict, NotPossible
from documents import files, letters
from documents.file_rules import clean_name
from documents.jobs import record_document, result_of
from documents.models import Document, DocumentJob, DocumentType
from documents.telling import tell_people
from users.models import User

Tell = Callable[[int, str], None]


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be generated, for which request."""

    application_id: int
    document_type: str
    user_id: int | None
    request_id: str = field(default_factory=lambda: str(uuid4()))
    template: str = ""
    context: dict[str, Any] = field(default_factory=dict)
    file_name: str = ""

    @property
    def key(self) -> str:
        """Two orders with the same key are the same order."""
        return f"{self.application_id}:{self.document_type}:{self.request_id}"

    @property
    def path(self) -> str:
        """Where its file is, also when it is carried out a second time."""
        digest = hashlib.sha256(self.key.encode()).hexdigest()[:32]
        return f"generated/{self.application_id}/{digest}.pdf"


def request_document(
    application: Application, document_type: str, by: User | None, request_id: UUID | None = None
) -> DocumentJob:
    """Write down that a document is wanted. The same `request_id` again, as of a double click, is the same job.

    Raises:
        NotPossible: there is no such document.
        Conflict: the request id was used for something else.
    """
    kind = letters.template_for(document_type)
    wanted = {"application": application, "document_type": kind, "requested_by": by}
    job, _ = DocumentJob.objects.get_or_create(pk=request_id or uuid4(), defaults=wanted)
    if any(getattr(job, name) != value for name, value in wanted.items()):
        raise Conflict(f"The request id {request_id} was used for another document; use a new one.")
    return job


def generate(order: Order, tell: Tell = lambda done, message: None) -> dict[str, Any]:
    """Carry out an order, and tell what came of it; a second time, the same.

    Raises:
        NotPossible: there is no such application, or no such document.
        OSError: the file could not be written. Nothing is left of the attempt, and it can be made again.
    """
    made = Document.objects.filter(generation_key=order.key).first()
    document = made or _make(order, tell)
    record_document(order.request_id, document)
    tell_people(document, also=User.objects.filter(pk=order.user_id, is_active=True).first())
    return result_of(document)


def _make(order: Order, tell: Tell) -> Document:
    tell(0, "started")
    kind = letters.template_for(order.template or order.document_type)
    document_type = _known_type(order.document_type)
    application = _application(order.application_id)
    moment = now()
    body = letters.write(kind, application, moment, order.context)
    tell(25, "written")
    content = letters.print_out(kind, application, body, moment)
    tell(75, "printed")
    unfinished = files.write_unfinished(content)
    try:
        return _keep(order, application, document_type, unfinished, len(content))
    finally:
        default_storage.delete(unfinished)


def _keep(order: Order, application: Application, kind: DocumentType, unfinished: str, size: int) -> Document:
    name = PurePosixPath(clean_name(order.file_name)).stem if order.file_name else f"{application}-{kind.value}"
    values = {
        "title": f"{kind.label} {application}",
        "document_type": kind,
        "file": order.path,
        "file_name": f"{name}.pdf",
        "file_size": size,
        "file_type": "application/pdf",
        "application": application,
        "created_by": User.objects.filter(pk=order.user_id).first(),
    }
    with transaction.atomic():
        document, is_new = Document.objects.get_or_create(generation_key=order.key, defaults=values)
        if is_new:
            files.move_into_place(unfinished, order.path)
    return document


def _known_type(value: str) -> DocumentType:
    if value not in DocumentType.values:
        raise NotPossible(f"{str(value)!r} is not a type of document; use one of {', '.join(DocumentType.values)}.")
    return DocumentType(value)


def _application(pk: int) -> Application:
    try:
        return Application.objects.select_related("branch", "bd", "broker").get(pk=pk)
    except Application.DoesNotExist:
        raise NotPossible(f"There is no application {pk}; nothing was generated.") from None
