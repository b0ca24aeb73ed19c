"""Days, weeks and months that are over, in the calendar of the office: what a report or a digest is about.

A period has fixed ends, whenever the work is done. So a run that comes late speaks of the same days as one in time, and
two periods neither overlap nor leave a gap; a day has 23 or 25 hours when the clocks change.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise

from core.clock import day_range


@dataclass(frozen=True, order=True, slots=True)
class Period:
    """Some days in a row, both ends included."""

    first: date
    last: date

    @property
    def key(self) -> str:
        """What it is filed under, in the order of time."""
        return self.first.isoformat()

    @property
    def moments(self) -> tuple[datetime, datetime]:
        """From its first moment up to, and without, the first moment after it."""
        return day_range(self.first, self.last)

    def __str__(self) -> str:
        last = f"{self.last.day} {self.last:%B %Y}"
        if self.first == self.last:
            return last
        if (self.first.year, self.first.month) == (self.last.year, self.last.month):
            return f"{self.first.day} to {last}"
        return f"{self.first.day} {self.first:%B %Y} to {last}"


def days_before(today: date, count: int) -> list[Period]:
    """The last days that are over, oldest first."""
    return [Period(day, day) for day in (today - timedelta(days=back) for back in range(count, 0, -1))]


def weeks_before(today: date, count: int) -> list[Period]:
    """The last weeks that are over, from Monday to Sunday, oldest first."""
    monday = today - timedelta(days=today.weekday())
    starts = [monday - timedelta(weeks=back) for back in range(count, 0, -1)]
    return [Period(start, start + timedelta(days=6)) for start in starts]


def months_before(today: date, count: int) -> list[Period]:
    """The last months that are over, oldest first."""
    month = today.year * 12 + today.month - 1
    starts = [date(number // 12, number % 12 + 1, 1) for number in range(month - count, month + 1)]
    return [Period(start, after - timedelta(days=1)) for start, after in pairwise(starts)]


def owed(window: list[Period], *, first_known: str | None, done: Collection[str]) -> list[Period]:
    """Which of the last periods are still to be worked on: the last one, and those before it that were missed.

    A period counts as missed if nothing was done for it although work had begun by then: `first_known` is the key of
    the first period that anybody worked on. What is before the window is not made up for.
    """
    return [
        period
        for period in window
        if period.key not in done and (period == window[-1] or (first_known is not None and period.key >= first_known))
    ]
