"""Tell people something in the application, and keep count of what they have not read.

All that changes a count goes through here or through `Notification.save`; both push the new count after the commit.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from asgiref.sync import sync_to_async
from django.db.models import Model, QuerySet
from django.utils.text import Truncator

from core.fields import LARGEST_ID
from users import push
from users.models import Notification, NotificationPreference, User


def notify(
    user: User,
    notification_type: str,
    title: str,
    message: str,
    *,
    related: Model | None = None,
    dedupe_key: str | None = None,
    preferences: NotificationPreference | None = None,
) -> Notification | None:
    """Tell a person something in the application, if they want to be told there.

    None when they do not, or when they were told before: a `dedupe_key` is used once, so it names the recipient, too.
    Whether to write an e-mail as well is another question: `wants_email`. Hand in `preferences` if they are at hand.
    """
    if not (preferences or preferences_of(user)).wants(notification_type, "in_app"):
        return None
    values: dict[str, Any] = {
        "title": Truncator(title).chars(255),
        "message": message,
        "notification_type": notification_type,
        "related_object_id": related.pk if related else None,
        "related_object_type": type(related).__name__.lower() if related else "",
    }
    if dedupe_key is None:
        return Notification.objects.create(user=user, **values)
    told, is_new = Notification.objects.get_or_create(dedupe_key=dedupe_key, defaults={"user": user, **values})
    if told.user_id != user.pk:
        raise ValueError(f"dedupe_key {dedupe_key!r} was used for another person: put the recipient into the key")
    return told if is_new else None


async def anotify(*args: Any, **options: Any) -> Notification | None:
    """`notify`, for code that runs in an event loop."""
    return await sync_to_async(notify)(*args, **options)


def wants_email(user: User, notification_type: str) -> bool:
    """Does this person want an e-mail about that, whatever they want in the application?"""
    return preferences_of(user).wants(notification_type, "email")


def preferences_of(user: User) -> NotificationPreference:
    """How a person wants to be told what; made with the defaults when it is asked for the first time."""
    return NotificationPreference.objects.get_or_create(user=user)[0]


def preferences_by_user(users: Iterable[User]) -> dict[int, NotificationPreference]:
    """The preferences of many people by the id of the person, in one statement; who chose nothing has the defaults."""
    people = {user.pk: user for user in users}
    chosen = NotificationPreference.objects.filter(user__in=people)
    defaults = {pk: NotificationPreference(user=user) for pk, user in people.items()}
    return {**defaults, **{preference.user_id: preference for preference in chosen}}


def unread_count(user: User) -> int:
    """How many notifications this person has not read."""
    return push.count_unread(user.pk)[user.pk]


def mark_read(user: User, ids: Iterable[int]) -> int:
    """Mark some of a person's own notifications as read; how many were not read before."""
    wanted = [pk for pk in ids if 0 < pk <= LARGEST_ID]
    return _mark(user, Notification.objects.filter(pk__in=wanted))


def mark_all_read(user: User) -> int:
    """Mark all that a person has as read; how many were not read before."""
    return _mark(user, Notification.objects.all())


def remove(notifications: QuerySet[Notification]) -> int:
    """Delete notifications, and tell each person whose count that changes; how many were deleted."""
    losers = set(notifications.filter(is_read=False).order_by().values_list("user_id", flat=True))
    deleted = notifications.delete()[0]
    push.count_changed(*losers)
    return deleted


def _mark(user: User, notifications: QuerySet[Notification]) -> int:
    changed = notifications.filter(user=user, is_read=False).update(is_read=True)
    if changed:
        push.count_changed(user.pk)
    return changed
