"""An application is signed, once."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from django.db import transaction

from applications.models import CLOSED, Application
from applications.picture import picture_of
from core.clock import now, today
from core.errors import Conflict, NotPossible
from documents.files import upload
from documents.models import Document, DocumentType

if TYPE_CHECKING:
    from users.models import User


def sign(application: Application, picture: str, signed_by: str, signed_on: date | None, by: User | None) -> Document:
    """Sign it, once: who signed, when, and the picture of the signature (base64) as a document.

    Raises:
        NotPossible: the picture cannot be read, or the day is in the future.
        Conflict: it was signed already, or is closed.
    """
    file, day = picture_of(picture), signed_on or today()
    if day > today():
        raise NotPossible(f"A signature cannot be dated in the future: {day} is after today, {today()}.")
    unsigned = Application.objects.filter(pk=application.pk, signed_by="").exclude(stage__in=CLOSED)
    with transaction.atomic():
        if not unsigned.update(signed_by=signed_by, signature_date=day, updated_at=now()):
            raise Conflict(f"{application} was signed already, or is closed; load it and look again.")
        document = upload(
            application, file, by, title=f"Signature of {signed_by}"[:255], document_type=DocumentType.SIGNED
        )
    application.signed_by, application.signature_date = signed_by, day
    return document
