"""Which reminders a person may see, and which are due."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from django.db.models import Q, QuerySet

from core.clock import now
from reminders.models import Reminder

if TYPE_CHECKING:
    from users.models import User

#: Neither sent nor given up.
OPEN = Q(is_sent=False, given_up=False)


def visible_reminders(user: User) -> QuerySet[Reminder]:
    """One's own; an administrator sees all."""
    return Reminder.objects.all() if user.is_admin else Reminder.objects.filter(created_by=user)


def due_reminders() -> QuerySet[Reminder]:
    """Those whose time has come."""
    return Reminder.objects.filter(OPEN, send_datetime__lte=now())


def due_for_the_first_time() -> QuerySet[Reminder]:
    """Those that were not tried yet: they go first, so that nothing that failed before can hold them up."""
    return due_reminders().filter(tried_at__isnull=True)


def due_again(before: datetime) -> QuerySet[Reminder]:
    """Those that failed before that moment."""
    return due_reminders().filter(tried_at__lt=before)
