"""A note for nine o'clock in Sydney is reminded of at nine o'clock in Sydney, on the right day, once."""

from __future__ import annotations

from datetime import datetime

import pytest
from coldframe import Bench

from core.clock import zone
from documents.models import Note
from documents.notes import reschedule_note
from tests.factories import ApplicationFactory, BDMFactory, NoteFactory, UserFactory
from tests.mailbox import Mailbox
from users.models import Notification

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.task,
    pytest.mark.coldframe(beat=["check-note-reminders"], start="2026-03-01T00:00+11:00", undrained="allow"),
]

ANN, BOSS = "ann@example.com", "boss@example.com"


def local(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone())


def note_for(moment: str, **values: object) -> Note:
    return NoteFactory(
        title=f"Call at {moment}",
        remind_date=local(moment),
        created_by=UserFactory(email=ANN),
        application=ApplicationFactory(bd=BDMFactory(user__email=BOSS)),
        **values,
    )


@pytest.mark.coldframe(beat=False)
@pytest.mark.parametrize(
    ("start", "moment", "offset"),
    [
        ("2026-03-10T12:00+11:00", "2026-03-11 09:00", 11),
        ("2026-04-04T12:00+11:00", "2026-04-05 01:30", 11),  # before the clocks go back at three
        ("2026-04-04T12:00+11:00", "2026-04-05 09:00", 10),  # and after
        ("2026-10-03T12:00+10:00", "2026-10-04 01:45", 10),  # before they go forward at two
        ("2026-10-03T12:00+10:00", "2026-10-04 09:00", 11),  # and after
        ("2028-02-29T00:00+11:00", "2028-02-29 23:45", 11),
    ],
)
def test_at_its_minute_in_sydney(coldframe: Bench, mailbox: Mailbox, start: str, moment: str, offset: int) -> None:
    coldframe.run_until(start)  # nothing runs until then: there is no beat yet
    note_for(moment)
    coldframe.beat(only=["check-note-reminders"])
    coldframe.advance(days=2)
    assert [(mail.to, mail.on) for mail in mailbox.mails] == [(ANN, moment), (BOSS, moment)]
    assert mailbox.mails[0].at.astimezone(zone()).utcoffset().total_seconds() == offset * 3600


def test_creator_and_manager_each_get_a_message_of_their_own(coldframe: Bench, mailbox: Mailbox) -> None:
    note = note_for("2026-03-02 09:00")
    coldframe.advance(days=4)
    assert mailbox.count() == {(ANN, f"Note Reminder: {note.title}"): 1, (BOSS, f"Note Reminder: {note.title}"): 1}
    told = Notification.objects.filter(notification_type="note_reminder")
    assert sorted(told.values_list("user__email", flat=True)) == [ANN, BOSS]


def test_a_manager_who_wrote_the_note_is_told_once(coldframe: Bench, mailbox: Mailbox) -> None:
    bd = BDMFactory(user__email=BOSS)
    NoteFactory(remind_date=local("2026-03-02 09:00"), created_by=bd.user, application=ApplicationFactory(bd=bd))
    coldframe.advance(days=4)
    assert [mail.to for mail in mailbox.mails if "Note" in mail.subject] == [BOSS]


def test_a_worker_that_was_down_tells_late(coldframe: Bench, mailbox: Mailbox) -> None:
    note_for("2026-03-02 09:00")
    worker = coldframe.node("first")
    coldframe.run_until("2026-03-01T12:00+11:00")
    coldframe.kill(worker)
    coldframe.run_until("2026-03-04T12:00+11:00")
    coldframe.node("second")
    coldframe.advance(days=3)
    assert mailbox.days(ANN, "Note Reminder") == ["2026-03-04"]


@pytest.mark.coldframe(beat=False)
def test_what_is_a_week_late_is_not_told_any_more(coldframe: Bench, mailbox: Mailbox) -> None:
    note_for("2026-03-02 09:00")
    coldframe.run_until("2026-03-09T09:05+11:00")
    coldframe.beat(only=["check-note-reminders"])
    coldframe.advance(days=3)
    assert mailbox.to(ANN, "Note Reminder") == []


def test_a_new_date_arms_it_again(coldframe: Bench, mailbox: Mailbox) -> None:
    note = note_for("2026-03-02 09:00")
    coldframe.run_until("2026-03-03T00:00+11:00")
    note.refresh_from_db()
    reschedule_note(note, local("2026-03-04 14:15"))
    coldframe.run_until("2026-03-06T00:00+11:00")
    assert [mail.on for mail in mailbox.to(ANN)] == ["2026-03-02 09:00", "2026-03-04 14:15"]
