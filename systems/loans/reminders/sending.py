"""Send the reminders whose time has come: each at most once, and each by itself.

A reminder is claimed in the delivery ledger, by a conditional UPDATE, before it leaves. What its own fault is counts as
an attempt, and after five of them it is given up. That the mail server is down does not count; but what cannot be sent
within a week is given up, too.
"""

from __future__ import annotations

from datetime import timedelta
from email.utils import formataddr, parseaddr
from typing import Protocol

from django.conf import settings
from django.db.models import Exists, F

from core.clock import now
from core.deliveries import DOUBTFUL_AFTER, Key, NotAccepted, Status, prepare
from core.mailing import attempt
from core.models import DeliveryLedger
from core.sweeps import RUN_BROKEN, SERVER_DOWN, Isolation, Outcome, batches
from reminders.models import Reminder
from reminders.selectors import OPEN, due_again, due_for_the_first_time, due_reminders
from reminders.services import TASK, topic
from users.models import NotificationType, User
from users.notices import notify

MOST_ATTEMPTS = 5
AT_MOST_LATE = timedelta(days=7)


class Sender(Protocol):
    """How a reminder is mailed: the number of messages that were accepted."""

    def __call__(
        self, *, subject: str, message: str, recipient_list: list[str], from_email: str, reply_to: list[str]
    ) -> int:
        """Hand one message to the mail server."""
        ...


def send_due(send: Sender, *, until: float | None = None) -> Outcome:
    """Send what is due. What fails does not stop the rest.

    Raises:
        MailServerDown: the mail server does not answer; the rest will be sent when this runs again.
        TimeUp: the run took as long as it may; so, too, then.
    """
    outcome = Outcome()
    isolation = Isolation(outcome, until)
    for due in (due_for_the_first_time(), due_again(now())):
        for rows in batches(due):
            deliveries = prepare(_key(reminder) for reminder in rows)
            for reminder in rows:
                outcome.checked += 1
                with isolation.of(reminder):
                    if _send_one(reminder, deliveries[_key(reminder)], send):
                        outcome.sent += 1
                    else:
                        outcome.skipped += 1
    return outcome


def _send_one(reminder: Reminder, delivery: DeliveryLedger, send: Sender) -> bool:
    still_due = Exists(due_reminders().filter(pk=reminder.pk))
    try:
        sent = attempt(delivery, lambda: _post(reminder.pk, send), only_if=still_due)
    except RUN_BROKEN:
        raise
    except SERVER_DOWN as error:
        _failed(reminder, error, counts=0)
        raise
    except Exception as error:
        _failed(reminder, error, counts=1)
        raise
    if sent:
        _mark_sent(reminder)
    else:
        _settle(reminder, delivery)
    return sent


def _post(pk: int, send: Sender) -> int:
    """Send it as it is now: from the claim on, nobody changes it any more."""
    reminder = Reminder.objects.select_related("recipient_user", "send_as_user", "reply_to_user").get(pk=pk)
    accepted = send(
        subject=reminder.subject,
        message=reminder.email_body,
        recipient_list=[_address(reminder)],
        from_email=_sender(reminder.send_as_user),
        reply_to=[reminder.reply_to_user.email] if reminder.reply_to_user else [],
    )
    if not accepted:
        raise NotAccepted(f"the mail server did not accept the message to {_address(reminder)}")
    return accepted


def _address(reminder: Reminder) -> str:
    """The login's address of today, else the one that was written down."""
    user = reminder.recipient_user
    return user.email if user and user.is_active else reminder.recipient_email


def _sender(user: User | None) -> str:
    """The address of this system, under the name of the person for whom it writes."""
    if user is None:
        return settings.DEFAULT_FROM_EMAIL
    return formataddr((" ".join(str(user).split()), parseaddr(settings.DEFAULT_FROM_EMAIL)[1]))


def _mark_sent(reminder: Reminder) -> None:
    Reminder.objects.filter(OPEN, pk=reminder.pk).update(
        is_sent=True, sent_at=now(), tried_at=now(), error_message="", attempts=F("attempts") + 1
    )


def _settle(reminder: Reminder, delivery: DeliveryLedger) -> None:
    """It could not be claimed. Perhaps another worker has it; perhaps one died that had it."""
    delivery.refresh_from_db()
    if delivery.status == Status.SENT:
        _mark_sent(reminder)
    elif delivery.status == Status.CLAIMED and delivery.claimed_at <= now() - DOUBTFUL_AFTER:
        reason = "Its worker died while it was sent: nobody knows whether it arrived. An administrator decides."
        Reminder.objects.filter(OPEN, pk=reminder.pk).update(tried_at=now(), error_message=reason)
        _tell_creator(reminder, "in_doubt", reason)


def _failed(reminder: Reminder, error: Exception, *, counts: int) -> None:
    text = f"{type(error).__name__}: {error}"
    Reminder.objects.filter(pk=reminder.pk).update(attempts=F("attempts") + counts, tried_at=now(), error_message=text)
    reminder.refresh_from_db(fields=["attempts"])
    if reminder.attempts >= MOST_ATTEMPTS or reminder.send_datetime <= now() - AT_MOST_LATE:
        _give_up(reminder, text)


def _give_up(reminder: Reminder, reason: str) -> None:
    if Reminder.objects.filter(OPEN, pk=reminder.pk).update(given_up=True, error_message=reason):
        _tell_creator(reminder, f"given_up:{now():%Y%m%d%H%M%S}", f"It was given up. {reason}")


def _tell_creator(reminder: Reminder, what: str, message: str) -> None:
    if reminder.created_by is not None:
        notify(
            reminder.created_by,
            NotificationType.SYSTEM,
            "A reminder could not be sent",
            f"“{reminder.subject}” to {reminder.recipient_email}: {message}",
            related=reminder,
            dedupe_key=f"reminder:{reminder.pk}:{what}:{reminder.created_by_id}",
        )


def _key(reminder: Reminder) -> Key:
    """A reminder is sent once in its life, also if its address is corrected in between."""
    return Key(TASK, topic(reminder.pk), "reminder", topic(reminder.pk))
