"""The calendar of a loan: how far apart its days are, and what a month later means."""

from __future__ import annotations

from calendar import monthrange
from datetime import date

from applications.models import Frequency

MONTHS = {Frequency.MONTHLY: 1, Frequency.QUARTERLY: 3, Frequency.ANNUALLY: 12}
DAYS = {Frequency.WEEKLY: 7, Frequency.FORTNIGHTLY: 14}


def add_months(day: date, months: int) -> date:
    """The same day some months later, or the last of that month if it is shorter: 31 January, 28 February."""
    years, month = divmod(day.month - 1 + months, 12)
    year = day.year + years
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))
