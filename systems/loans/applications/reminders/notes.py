"""Notes: their author and the manager are reminded at the moment that was asked for, by the minute."""

from __future__ import annotations

from datetime import datetime
from functools import partial

from django.conf import settings
from django.db.models import CharField, Exists, F, OuterRef, Q, QuerySet, Value
from django.db.models.functions import Cast, Concat

from applications.reminders.addresses import active
from applications.reminders.inbox import Notice
from applications.reminders.sweep import Mail, Plan, Sweep
from applications.reminders.texts import letter, moment
from core.clock import now
from core.deliveries import OPEN, Key
from core.mailing import Letter, Sender
from core.models import DeliveryLedger
from core.sweeps import Outcome
from documents.models import Note
from users.models import NotificationType, User

TASK = "check_note_reminders"
ABOUT = NotificationType.NOTE_REMINDER
#: Told for an earlier moment than the one that stands there now is not told.
NOT_TOLD = Q(remind_sent_at__isnull=True) | Q(remind_sent_at__lt=F("remind_date"))
#: Somebody was told, and somebody else is still to be.
TOLD_IN_PART = Exists(
    DeliveryLedger.objects.filter(
        task=TASK,
        object=Concat(Value("note:"), Cast(OuterRef("pk"), CharField())),
        status__in=OPEN,
        created_at__gte=OuterRef("remind_date"),
    )
)


def remind_of_notes(send: Sender, *, until: float | None = None) -> Outcome:
    """Remind of each note whose moment has come; what is more than a week late is history.

    Raises:
        MailServerDown: the server did not answer several times in a row.
        TimeUp: the run took as long as it may.
    """
    # Most runs find nothing. So what belongs to a note is read for those that were found, and not joined.
    rows = _due(now()).prefetch_related("created_by", "borrower", "application__bd__user")
    return Sweep(send, until).over(rows, _plan, _mark)


def _due(at: datetime) -> QuerySet[Note]:
    in_time = Note.objects.filter(remind_date__lte=at, remind_date__gt=at - settings.NOTE_REMINDERS_AT_MOST_LATE)
    return in_time.filter(NOT_TOLD | TOLD_IN_PART)


def _mark(note: Note) -> None:
    """Told, for this very moment: if it was changed meanwhile, the new one counts."""
    Note.objects.filter(NOT_TOLD, pk=note.pk, remind_date=note.remind_date).update(remind_sent_at=now())


def _plan(note: Note) -> Plan:
    title = f"Note Reminder: {note.title or ' '.join(note.content.split())[:40]}"
    facts: dict[str, object] = {
        "Application": note.application or "none",
        "Borrower": note.borrower or "none",
        "Reminder for": moment(note.remind_date),
        "Written": f"{moment(note.created_at)} by {note.created_by or 'nobody who is known'}",
    }
    people = _people(note)
    mails = [
        Mail(
            Key(TASK, f"note:{note.pk}", "note", address.casefold(), note.remind_date.isoformat()),
            Letter(address, title, letter(str(user or "colleague"), note.content, facts=facts)),
            user=user,
            about=ABOUT,
        )
        for address, user in people.items()
    ]
    notices = [
        Notice(user, ABOUT, title, note.content, note, f"note:{note.pk}:{note.remind_date.isoformat()}:{user.pk}")
        for user in people.values()
        if user
    ]
    return Plan(note, partial(_unchanged, note), mails, notices)


def _unchanged(note: Note) -> Exists:
    return Exists(Note.objects.filter(pk=note.pk, remind_date=note.remind_date))


def _people(note: Note) -> dict[str, User | None]:
    """Author and manager by address, so that nobody is told twice; who has no login has no preferences."""
    bd = note.application.bd if note.application else None
    users = (note.created_by, bd.user if bd else None)
    candidates: list[tuple[str, User | None]] = [(user.email, user) for user in users if active(user)]
    if bd and not active(bd.user) and bd.email:
        candidates.append((bd.email, None))
    found: dict[str, tuple[str, User | None]] = {}
    for address, user in candidates:
        found.setdefault(address.casefold(), (address, user))
    return dict(found.values())
