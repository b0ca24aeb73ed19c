"""Tell many people something in the application with a few statements, as `users.notices.notify` tells one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.db.models import Model
from django.utils.text import Truncator

from users import push
from users.models import Notification, NotificationPreference, User


@dataclass(frozen=True, slots=True)
class Notice:
    """What one person is told, once: `key` names the matter and the person."""

    user: User
    about: str
    title: str
    message: str
    related: Model
    key: str


def announce(notices: Iterable[Notice], preferences: Mapping[int, NotificationPreference]) -> dict[str, bool]:
    """Tell whoever wants to be told here. By key: was it new? Who does not want to be told is not in the answer."""
    wanted = {notice.key: notice for notice in notices if preferences[notice.user.pk].wants(notice.about, "in_app")}
    if not wanted:
        return {}
    known = set(Notification.objects.filter(dedupe_key__in=wanted).values_list("dedupe_key", flat=True))
    new = [_notification(notice) for key, notice in wanted.items() if key not in known]
    Notification.objects.bulk_create(new, ignore_conflicts=True)
    if new:
        push.created(*Notification.objects.filter(dedupe_key__in=[row.dedupe_key for row in new]).order_by("pk"))
    return {key: key not in known for key in wanted}


def _notification(notice: Notice) -> Notification:
    return Notification(
        user=notice.user,
        title=Truncator(notice.title).chars(255),
        message=notice.message,
        notification_type=notice.about,
        related_object_id=notice.related.pk,
        related_object_type=type(notice.related).__name__.lower(),
        dedupe_key=notice.key,
    )
