"""Notes: written down, and set to be reminded of."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from core.clock import now
from core.errors import NotPossible
from documents.models import Note

if TYPE_CHECKING:
    from applications.models import Application
    from borrowers.models import Borrower
    from users.models import User


def add_note(
    application: Application | None,
    title: str,
    content: str,
    remind_date: datetime | None = None,
    by: User | None = None,
    *,
    is_internal: bool = True,
    borrower: Borrower | None = None,
) -> Note:
    """A new note about an application, a borrower, or both.

    Raises:
        NotPossible: it says nothing, or is about nothing.
    """
    _check_text(title, content)
    if application is None and borrower is None:
        raise NotPossible("The note is about nothing; name an application or a borrower.")
    return Note.objects.create(
        application=application,
        borrower=borrower,
        title=title,
        content=content,
        remind_date=remind_date,
        is_internal=is_internal,
        created_by=by,
    )


def edit_note(note: Note, **changes: Any) -> Note:
    """Change what is given of title, content, is_internal and remind_date, and nothing else.

    Raises:
        NotPossible: it would say nothing.
    """
    _check_text(changes.get("title", note.title), changes.get("content", note.content))
    if "remind_date" in changes:
        note = reschedule_note(note, changes.pop("remind_date"))
    if changes:
        Note.objects.filter(pk=note.pk).update(**changes, updated_at=now())
    note.refresh_from_db()
    return note


def reschedule_note(note: Note, remind_date: datetime | None) -> Note:
    """Be reminded at another moment (or, with None, not at all), also if a reminder went out for the old one.

    The same moment again changes nothing: a reminder that went out stays so.
    """
    same = {"remind_date__isnull": True} if remind_date is None else {"remind_date": remind_date}
    Note.objects.filter(pk=note.pk).exclude(**same).update(
        remind_date=remind_date, remind_sent_at=None, updated_at=now()
    )
    note.refresh_from_db(fields=["remind_date", "remind_sent_at", "updated_at"])
    return note


def _check_text(title: str, content: str) -> None:
    if not (title.strip() or content.strip()):
        raise NotPossible("The note is empty; write a title or a text.")
