"""Write reminders, change them, and take them back; `reminders.sending` sends them."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db.models import Exists, QuerySet

from applications.models import Application
from applications.selectors import visible_applications
from borrowers.models import Borrower
from borrowers.selectors import visible_borrowers
from core.clock import now
from core.deliveries import Status, send_again
from core.errors import Conflict, NotPermitted, NotPossible
from core.models import DeliveryLedger
from reminders.models import Reminder
from reminders.selectors import OPEN
from users.models import Role

if TYPE_CHECKING:
    from users.models import User

TASK = "reminders.tasks.check_due_reminders"
FURTHEST = timedelta(days=5 * 366)
#: What decides who gets it.
RECIPIENT = ("recipient_type", "recipient_email", "related_application", "related_borrower")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")

Type = Reminder.RecipientType
Found = tuple["User | None", str]


def topic(pk: int) -> str:
    """What a reminder is called in the delivery ledger."""
    return f"reminder:{pk}"


def create_reminder(by: User, **values: Any) -> Reminder:
    """A reminder that goes out later.

    Raises:
        NotPossible: the time is over, nobody can be reached, or it is about what this person may not see.
        NotPermitted: it is to go out in the name of somebody else.
    """
    return Reminder.objects.create(created_by=by, **checked(by, values))


def change_reminder(reminder: Reminder, by: User, **changes: Any) -> Reminder:
    """Another text, time or recipient, as long as it has not gone out.

    Raises:
        NotPossible: as for a new one.
        NotPermitted: as for a new one.
        Conflict: it was sent or given up, or is being sent now.
    """
    before = {name: getattr(reminder, name) for name in RECIPIENT}
    values = checked(by, changes, before)
    if values and not Reminder.objects.filter(OPEN, ~_claimed(reminder), pk=reminder.pk).update(**values):
        raise Conflict("This reminder was sent or given up; write a new one.")
    reminder.refresh_from_db()
    return reminder


def cancel_reminder(reminder: Reminder) -> None:
    """Take it back, as if it had not been written.

    Raises:
        Conflict: it was sent, or is being sent now.
    """
    deleted, _ = Reminder.objects.filter(~_claimed(reminder), pk=reminder.pk, is_sent=False).delete()
    if not deleted:
        raise Conflict("This reminder was sent; it cannot be taken back.")


def try_again(reminders: QuerySet[Reminder]) -> int:
    """Send once more what was given up, or what is in doubt; an administrator decides that. How many these are."""
    keys = list(reminders.filter(is_sent=False).values_list("pk", flat=True))
    send_again(DeliveryLedger.objects.filter(task=TASK, object__in=[topic(pk) for pk in keys]))
    return Reminder.objects.filter(pk__in=keys, is_sent=False).update(given_up=False, attempts=0)


def checked(by: User, changes: dict[str, Any], before: dict[str, Any] | None = None) -> dict[str, Any]:
    """The values that are to be stored, with the recipient's address; `before` are those of a reminder that exists.

    Raises:
        NotPossible: the time is over, nobody can be reached, or it is about what this person may not see.
        NotPermitted: it is to go out in the name of somebody else.
    """
    if moment := changes.get("send_datetime"):
        _check_moment(moment)
    if _CONTROL.search(changes.get("subject", "")):
        raise NotPossible("The subject must be one line, without control characters.")
    for name in ("send_as_user", "reply_to_user"):
        _check_name(by, changes.get(name))
    _check_visible(by, changes.get("related_application"), changes.get("related_borrower"))
    values = dict(changes)
    if before is None or any(name in changes for name in RECIPIENT):
        user, address = recipient_of({**(before or {}), **changes})
        values |= {"recipient_user": user, "recipient_email": address}
    return values


def recipient_of(values: dict[str, Any]) -> Found:
    """Who gets it: login and address.

    Raises:
        NotPossible: nobody can be reached that way.
    """
    kind = values.get("recipient_type", Type.CUSTOM)
    application: Application | None = values.get("related_application")
    if kind == Type.CUSTOM:
        user, address = None, values.get("recipient_email") or ""
    elif kind == Type.CLIENT:
        user, address = _client(application, values.get("related_borrower"))
    else:
        user, address = _contact(application, kind)
    try:
        validate_email(address)
    except ValidationError:
        raise NotPossible(f"There is no e-mail address to send it to: {address or 'none on file'}.") from None
    return user, address


def _client(application: Application | None, borrower: Borrower | None) -> Found:
    if borrower is None:
        borrowers = list(application.borrowers.all()[:2]) if application else []
        if len(borrowers) != 1:
            raise NotPossible("Say which borrower (related_borrower), or name an application with a single one.")
        (borrower,) = borrowers
    elif application and not application.borrowers.filter(pk=borrower.pk).exists():
        raise NotPossible(f"{borrower} is no borrower of {application}.")
    return borrower.user, borrower.mail_address


def _contact(application: Application | None, kind: str) -> Found:
    person = application and (application.bd if kind == Type.BD else application.broker)
    if not person:
        raise NotPossible(f"Name an application (related_application) that has a {Type(kind).label.lower()} contact.")
    user = person.user if person.user and person.user.is_active else None
    return user, user.email if user else person.email


def _check_moment(moment: datetime) -> None:
    if not now() < moment <= now() + FURTHEST:
        raise NotPossible("Choose a time to send it that is in the future, and in the next five years.")


def _check_name(by: User, somebody: User | None) -> None:
    if somebody is None or somebody == by:
        return
    if not by.is_admin:
        raise NotPermitted("Only an administrator writes in the name of somebody else.")
    if not somebody.is_active or somebody.role == Role.CLIENT:
        raise NotPossible(f"{somebody} does not work here.")


def _check_visible(by: User, application: Application | None, borrower: Borrower | None) -> None:
    for thing, visible in ((application, visible_applications(by)), (borrower, visible_borrowers(by))):
        if thing is not None and not visible.filter(pk=thing.pk).exists():
            raise NotPossible(f"There is no {type(thing).__name__.lower()} {thing.pk}.")


def _claimed(reminder: Reminder) -> Exists:
    out = (Status.CLAIMED, Status.SENT)
    return Exists(DeliveryLedger.objects.filter(task=TASK, object=topic(reminder.pk), status__in=out))
