"""Tell the people of an application that there is a new document."""

from __future__ import annotations

from django.db.models import Q

from documents.models import Document
from users.models import NotificationType, User
from users.notices import notify


def tell_people(document: Document, *, also: User | None = None, but: User | None = None) -> None:
    """Tell manager, broker and borrowers of the application, each once, however often this is called."""
    people = {person.pk: person for person in _people_of(document)}
    if also:
        people[also.pk] = also
    message = (
        f"{document.file_name} (version {document.version}) was added to {document.application or document.borrower}."
    )
    for person in people.values():
        if but is None or person.pk != but.pk:
            notify(
                person,
                NotificationType.DOCUMENT_UPLOADED,
                f"New document: {document.title}",
                message,
                related=document,
                dedupe_key=f"document:{document.pk}:{person.pk}",
            )


def _people_of(document: Document) -> list[User]:
    application = document.application_id
    return list(
        User.objects.filter(
            Q(bdm_profile__applications=application)
            | Q(broker_profile__applications=application)
            | Q(borrower_profile__applications=application),
            is_active=True,
        ).distinct()
        if application
        else User.objects.filter(borrower_profile=document.borrower_id, is_active=True)
    )
