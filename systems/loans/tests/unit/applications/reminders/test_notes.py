"""A note is remembered at its moment, by those whom it concerns, each as they prefer, once."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
import time_machine

from applications.reminders.notes import remind_of_notes
from core.clock import now, zone
from core.deliveries import send_again
from core.mailing import Sender
from core.models import DeliveryLedger
from core.sweeps import Outcome
from documents.models import Note
from documents.notes import reschedule_note
from tests.factories import ApplicationFactory, BDMFactory, BorrowerFactory, NoteFactory, UserFactory
from tests.mailbox import Mailbox
from users.models import Notification, NotificationPreference, User

pytestmark = [pytest.mark.unit, pytest.mark.django_db]

ANN, BOSS = "ann@example.com", "boss@example.com"


@pytest.fixture
def author(db: None) -> User:
    return UserFactory(email=ANN, first_name="Ann", last_name="Lee")


@pytest.fixture
def note(author: User) -> Note:
    """Due now; its application is looked after by the boss."""
    return NoteFactory(
        title="Ring Mr. Rower",
        content="He has the key.",
        remind_date=now(),
        created_by=author,
        application=ApplicationFactory(reference_number="APP-ABCDEFGH", bd=BDMFactory(user__email=BOSS)),
        borrower=BorrowerFactory(first_name="Bo", last_name="Rower"),
    )


def sent_at(note: Note) -> datetime | None:
    note.refresh_from_db()
    return note.remind_sent_at


def test_author_and_manager_each_get_a_mail_and_a_notification(send: Sender, mailbox: Mailbox, note: Note) -> None:
    assert remind_of_notes(send) == Outcome(checked=1, sent=2)
    assert remind_of_notes(send) == Outcome()
    assert [(mail.to, mail.subject) for mail in mailbox.mails] == [
        (ANN, "Note Reminder: Ring Mr. Rower"),
        (BOSS, "Note Reminder: Ring Mr. Rower"),
    ]
    assert mailbox.mails[0].body == (
        "Dear Ann Lee,\n\nHe has the key.\n\n"
        "Application: APP-ABCDEFGH\nBorrower: Bo Rower\n"
        "Reminder for: 2026-03-16 07:00\nWritten: 2026-03-16 07:00 by Ann Lee\n"
    )
    told = Notification.objects.filter(notification_type="note_reminder").order_by("pk")
    assert [(row.user.email, row.title, row.message) for row in told] == [
        (ANN, "Note Reminder: Ring Mr. Rower", "He has the key."),
        (BOSS, "Note Reminder: Ring Mr. Rower", "He has the key."),
    ]
    assert sent_at(note) == datetime(2026, 3, 16, 7, tzinfo=zone())


@pytest.mark.parametrize(("minutes", "expected"), [(1, 0), (0, 1), (-1, 1), (-7 * 24 * 60 + 1, 1), (-7 * 24 * 60, 0)])
def test_from_its_minute_on_for_a_week(send: Sender, mailbox: Mailbox, minutes: int, expected: int) -> None:
    NoteFactory(remind_date=now() + timedelta(minutes=minutes), application=None)
    assert remind_of_notes(send).sent == expected


def test_a_note_without_a_moment_is_only_a_note(send: Sender) -> None:
    NoteFactory()
    assert remind_of_notes(send) == Outcome()


def test_a_day_without_a_time_means_its_beginning_in_the_office(
    send: Sender, mailbox: Mailbox, author: User, note: Note
) -> None:
    with pytest.warns(RuntimeWarning, match="naive"):
        Note.objects.filter(pk=note.pk).update(remind_date=datetime(2026, 3, 16))  # noqa: DTZ001
    remind_of_notes(send)
    assert "Reminder for: 2026-03-16 00:00" in mailbox.mails[0].body


def test_a_manager_who_wrote_the_note_is_told_once(send: Sender, mailbox: Mailbox, note: Note) -> None:
    Note.objects.update(created_by=note.application.bd.user)
    assert remind_of_notes(send) == Outcome(checked=1, sent=1)
    assert [mail.to for mail in mailbox.mails] == [BOSS]
    assert Notification.objects.get().user.email == BOSS


def test_a_manager_without_a_login_is_told_by_mail_alone(send: Sender, mailbox: Mailbox, author: User) -> None:
    NoteFactory(
        remind_date=now(), created_by=author, application=ApplicationFactory(bd=BDMFactory(user=None, email=BOSS))
    )
    assert remind_of_notes(send).sent == 2
    assert mailbox.to(BOSS)[0].body.startswith("Dear colleague,")
    assert Notification.objects.get().user == author


def test_who_left_is_not_told(send: Sender, mailbox: Mailbox, note: Note) -> None:
    User.objects.filter(email=ANN).update(is_active=False)
    assert remind_of_notes(send) == Outcome(checked=1, sent=1)
    assert [mail.to for mail in mailbox.mails] == [BOSS]


def test_if_nobody_is_left_the_note_waits(send: Sender, mailbox: Mailbox, author: User) -> None:
    note = NoteFactory(title="", content="Far\n  away", remind_date=now(), created_by=None, application=None)
    assert remind_of_notes(send) == Outcome(checked=1, skipped=1)
    assert sent_at(note) is None
    Note.objects.update(created_by=author)
    assert remind_of_notes(send).sent == 1
    assert mailbox.mails[0].subject == "Note Reminder: Far away"
    assert "Application: none\nBorrower: none\n" in mailbox.mails[0].body


def test_each_channel_is_a_choice_of_its_own(send: Sender, mailbox: Mailbox, note: Note, author: User) -> None:
    NotificationPreference.objects.create(user=author, note_reminder_email=False)
    NotificationPreference.objects.create(user=note.application.bd.user, note_reminder_in_app=False)
    assert remind_of_notes(send) == Outcome(checked=1, sent=1)
    assert [mail.to for mail in mailbox.mails] == [BOSS]
    assert Notification.objects.get().user == author


def test_who_is_told_by_the_bell_alone_is_told(send: Sender, mailbox: Mailbox, note: Note) -> None:
    for user in User.objects.all():
        NotificationPreference.objects.update_or_create(user=user, defaults={"note_reminder_email": False})
    assert remind_of_notes(send) == Outcome(checked=1, sent=2)
    assert sent_at(note) is not None
    assert (mailbox.mails, Notification.objects.count(), DeliveryLedger.objects.count()) == ([], 2, 0)


def test_a_refused_mail_is_tried_again_and_the_bell_rings_once(send: Sender, mailbox: Mailbox, note: Note) -> None:
    mailbox.refused = {ANN, BOSS}
    assert remind_of_notes(send) == Outcome(checked=1, failed=2)
    assert sent_at(note) is None
    mailbox.refused = {ANN}
    assert remind_of_notes(send) == Outcome(checked=1, sent=1, failed=1)
    assert sent_at(note) is not None
    mailbox.refused = set()
    assert remind_of_notes(send) == Outcome(checked=1, sent=1)
    assert remind_of_notes(send) == Outcome()
    assert [mail.to for mail in mailbox.mails] == [BOSS, ANN]
    assert Notification.objects.count() == 2


@pytest.mark.parametrize("marked", [True, False])
def test_another_moment_arms_it_again(
    send: Sender, mailbox: Mailbox, note: Note, clock: time_machine.Coordinates, marked: bool
) -> None:
    """Through the service, which clears the mark, and through the admin, which does not."""
    remind_of_notes(send)
    later = now() + timedelta(days=9)
    if marked:
        Note.objects.update(remind_date=later)
    else:
        reschedule_note(note, later)
    assert remind_of_notes(send) == Outcome()
    clock.move_to(later)
    assert remind_of_notes(send) == Outcome(checked=1, sent=2)
    assert remind_of_notes(send) == Outcome()
    assert [mail.on for mail in mailbox.to(ANN)] == ["2026-03-16 07:00", "2026-03-25 07:00"]


def test_one_that_is_put_off_while_the_sweep_runs_is_not_told_and_not_marked(
    send: Sender, mailbox: Mailbox, note: Note
) -> None:
    mailbox.on_mail = lambda _address: Note.objects.update(remind_date=now() + timedelta(days=1))
    assert remind_of_notes(send) == Outcome(checked=1, sent=1)
    assert [mail.to for mail in mailbox.mails] == [ANN]
    assert sent_at(note) is None


def test_a_failure_of_an_earlier_moment_does_not_bring_a_note_back(
    send: Sender, mailbox: Mailbox, note: Note, clock: time_machine.Coordinates
) -> None:
    mailbox.refused = {ANN}
    remind_of_notes(send)
    reschedule_note(note, now() + timedelta(days=1))
    mailbox.refused = set()
    clock.shift(timedelta(days=1))
    assert remind_of_notes(send).sent == 2
    assert remind_of_notes(send) == Outcome()


def test_a_title_that_cannot_be_a_subject_spoils_only_its_own_note(send: Sender, mailbox: Mailbox, note: Note) -> None:
    broken = NoteFactory(title="Bad\nBcc: everybody@example.com", remind_date=now(), application=None)
    assert remind_of_notes(send) == Outcome(checked=2, sent=2, failed=1)
    assert (sent_at(note) is None, sent_at(broken) is None) == (False, True)


def test_what_the_office_wants_sent_again_is_sent_again(
    send: Sender, mailbox: Mailbox, note: Note, clock: time_machine.Coordinates
) -> None:
    remind_of_notes(send)
    DeliveryLedger.objects.filter(recipient=ANN).update(status="claimed")  # its worker had died
    clock.shift(timedelta(hours=2))
    assert remind_of_notes(send) == Outcome()
    assert send_again(DeliveryLedger.objects.all()) == 1
    assert remind_of_notes(send) == Outcome(checked=1, sent=1)
    assert [mail.to for mail in mailbox.mails] == [ANN, BOSS, ANN]
