"""Notes: what they need to say, and when a reminder is due again."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from core.errors import NotPossible
from documents.models import Note
from documents.notes import add_note, edit_note, reschedule_note
from tests.factories import AdminFactory, ApplicationFactory, BorrowerFactory, NoteFactory

pytestmark = [pytest.mark.unit, pytest.mark.django_db]

NINE = datetime(2026, 3, 11, 9, tzinfo=UTC)
TEN = datetime(2026, 3, 11, 10, tzinfo=UTC)


def reminded(**values: object) -> Note:
    note = NoteFactory(remind_date=NINE, **values)
    Note.objects.filter(pk=note.pk).update(remind_sent_at=NINE)
    note.refresh_from_db()
    return note


def test_a_note_is_for_the_office_unless_said_otherwise() -> None:
    application, by = ApplicationFactory(), AdminFactory()
    note = add_note(application, "Call", "about the house", NINE, by)
    note.refresh_from_db()
    assert (note.application, note.title, note.content) == (application, "Call", "about the house")
    assert (note.remind_date, note.remind_sent_at, note.created_by, note.is_internal) == (NINE, None, by, True)
    assert add_note(application, "Hello", "", is_internal=False).is_internal is False


def test_a_note_may_be_about_a_borrower_alone() -> None:
    borrower = BorrowerFactory()
    assert add_note(None, "", "moved house", borrower=borrower).borrower == borrower


def test_a_note_about_nothing_or_without_a_word_is_refused() -> None:
    with pytest.raises(NotPossible, match="about nothing"):
        add_note(None, "Call", "")
    with pytest.raises(NotPossible, match="empty"):
        add_note(ApplicationFactory(), "  ", "\n")
    assert not Note.objects.exists()


def test_another_moment_means_another_reminder() -> None:
    note = reschedule_note(reminded(), TEN)
    assert (note.remind_date, note.remind_sent_at) == (TEN, None)


def test_the_same_moment_does_not() -> None:
    note = reminded()
    before = note.updated_at
    note = reschedule_note(note, NINE)
    assert (note.remind_date, note.remind_sent_at, note.updated_at) == (NINE, NINE, before)


def test_no_moment_means_no_reminder_and_the_old_moment_then_means_one_again() -> None:
    note = reschedule_note(reminded(), None)
    assert (note.remind_date, note.remind_sent_at) == (None, None)
    assert reschedule_note(note, None).remind_date is None
    assert reschedule_note(note, NINE).remind_date == NINE


def test_a_corrected_word_does_not_remind_again() -> None:
    note = edit_note(reminded(title="Cal"), title="Call", remind_date=NINE)
    assert (note.title, note.remind_sent_at) == ("Call", NINE)


def test_only_what_is_given_is_changed() -> None:
    note = NoteFactory(title="Call", content="soon")
    Note.objects.filter(pk=note.pk).update(remind_sent_at=NINE, content="now")
    changed = edit_note(note, is_internal=False)
    assert (changed.title, changed.content, changed.is_internal, changed.remind_sent_at) == ("Call", "now", False, NINE)


def test_an_edited_note_still_has_to_say_something() -> None:
    note = NoteFactory(title="Call", content="")
    with pytest.raises(NotPossible, match="empty"):
        edit_note(note, title="")
    note.refresh_from_db()
    assert note.title == "Call"


def test_a_new_moment_alone_leaves_the_words() -> None:
    note = edit_note(NoteFactory(title="Call"), remind_date=TEN)
    assert (note.title, note.remind_date) == ("Call", TEN)
