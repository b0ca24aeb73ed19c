"""Tell the browsers of a person at once: after the commit, and never at the cost of whoever caused it.

A push that fails is logged as an error and counted in `pushes`. Nobody loses anything by it: the notification is in
the database, counts are absolute, and the next push or the next connection brings the right one.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, Any

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.apps import apps
from django.db import transaction
from django.db.models import Count
from django.utils import timezone

if TYPE_CHECKING:
    from users.models import Notification

logger = logging.getLogger(__name__)

#: How many messages this process has handed over (`sent`), and how many times it failed to (`failed`).
pushes: Counter[str] = Counter()
#: Seconds after which a channel layer that does not answer has failed.
PATIENCE = 5
FAILED = "could not push to %d people (users %s); the next push or connection brings the count"

People = dict[int, list[dict[str, Any]]]

_under_way: set[asyncio.Task[None]] = set()


def group_of(user_id: int) -> str:
    """The group in which all sockets of a person are."""
    return f"user_{user_id}_notifications"


def as_message(notification: Notification) -> dict[str, Any]:
    """A notification as a socket shows it, in plain data."""
    return {
        "id": notification.pk,
        "title": notification.title,
        "message": notification.message,
        "notification_type": str(notification.notification_type),
        "related_object_id": notification.related_object_id,
        "related_object_type": notification.related_object_type,
        "is_read": notification.is_read,
        "created_at": timezone.localtime(notification.created_at).isoformat(),
    }


def created(*notifications: Notification) -> None:
    """Show new notifications, and each person's count with them; one statement counts for all of them."""
    people: People = {}
    for one in notifications:
        event = {"type": "notification_message", "notification": as_message(one)}
        people.setdefault(one.user_id, []).append(event)
    transaction.on_commit(partial(_push, people, with_counts=True))


def count_changed(*user_ids: int) -> None:
    """Show these people how many they have not read, as counted after the commit."""
    transaction.on_commit(partial(_push, {user_id: [] for user_id in user_ids}, with_counts=True))


def access_ended(user_id: int) -> None:
    """Close the sockets of a person who may no longer log in."""
    transaction.on_commit(partial(_push, {user_id: [{"type": "access_ended"}]}))


def count_unread(*user_ids: int) -> dict[int, int]:
    """How many notifications these people have not read; by name, because the models use this module."""
    unread = apps.get_model("users", "Notification").objects.filter(user_id__in=user_ids, is_read=False)
    counted = unread.order_by().values_list("user_id").annotate(Count("pk"))
    return {**dict.fromkeys(user_ids, 0), **dict(counted)}


def _push(people: People, *, with_counts: bool = False) -> None:
    try:
        if with_counts:
            for user_id, count in count_unread(*people).items():
                people[user_id].append({"type": "notification_count", "count": count})
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            async_to_sync(_send)(people)
        else:
            task = loop.create_task(_send(people))
            _under_way.add(task)
            task.add_done_callback(_under_way.discard)
    except Exception:
        logger.exception(FAILED, *_whom(people))
        pushes["failed"] += 1


async def _send(people: People) -> None:
    try:
        layer = get_channel_layer()
        async with asyncio.timeout(PATIENCE):
            for user_id, events in people.items():
                for event in events:
                    await layer.group_send(group_of(user_id), event)
                    pushes["sent"] += 1
    except Exception:
        logger.exception(FAILED, *_whom(people))
        pushes["failed"] += 1


def _whom(people: People) -> tuple[int, str]:
    return len(people), ", ".join(map(str, list(people)[:10]))
