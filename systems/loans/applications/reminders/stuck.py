"""Applications that have not moved for long: which, for how many weeks, and when they are told about again."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Exists, QuerySet

from applications.models import Application
from applications.reminders.addresses import DESK
from applications.reminders.texts import moment, money
from applications.selectors import stuck_since
from core.clock import now, zone

WEEK = timedelta(weeks=1)


def stuck() -> QuerySet[Application]:
    """Open applications that have been in their stage for too long, with those who look after them."""
    return stuck_since(now() - settings.STALE_AFTER).select_related("broker", *DESK)


def still_stuck(application: Application) -> Exists:
    """Holds as long as it has not moved since it was read."""
    return Exists(
        Application.objects.filter(
            pk=application.pk, stage=application.stage, stage_last_updated=application.stage_last_updated
        )
    )


def turn(application: Application) -> str:
    """The stage entry and the week since then, by the office's clock: once in each turn it is told."""
    since = application.in_stage_since
    waited = _on_the_wall(now()) - _on_the_wall(since) - settings.STALE_AFTER
    return f"{since.isoformat()} week {max(waited // WEEK, 0)}"


def facts(application: Application) -> dict[str, object]:
    """What whoever looks after it wants to know."""
    return {
        "Application": application.reference_number,
        "Stage": application.get_stage_display(),
        "Since": moment(application.in_stage_since),
        "Amount": money(application.loan_amount),
        "Broker": application.broker or "none",
    }


def _on_the_wall(when: datetime) -> datetime:
    return when.astimezone(zone()).replace(tzinfo=None)
