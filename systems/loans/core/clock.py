"""Today, as the business sees it. Moments are stored in UTC; days are days in `BUSINESS_TZ`."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from django.utils import timezone


def zone() -> ZoneInfo:
    """The time zone in which the business lives."""
    return ZoneInfo(settings.BUSINESS_TZ)


def now() -> datetime:
    """This moment, aware."""
    return timezone.now()


def today() -> date:
    """The day that the calendar in the office shows."""
    return day_of(now())


def day_of(moment: datetime) -> date:
    """The day on which a moment falls in the office."""
    return moment.astimezone(zone()).date()


def start_of(day: date) -> datetime:
    """The first moment of a day in the office."""
    return datetime.combine(day, time.min, tzinfo=zone())


def day_range(first: date, last: date) -> tuple[datetime, datetime]:
    """From the first moment of one day up to, and without, the first moment after another."""
    return start_of(first), start_of(last + timedelta(days=1))
