"""The words. Subjects are fixed; amounts are plain, and days are written so that nobody mistakes them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal

from django.utils import timezone

CURRENCY = "AUD"


def money(amount: Decimal | None) -> str:
    """Such as `AUD 10000.00`."""
    return f"{CURRENCY} {amount:.2f}" if amount is not None else "not known"


def moment(when: datetime) -> str:
    """A moment on the clock in the office, such as `2026-03-11 09:00`."""
    return f"{timezone.localtime(when):%Y-%m-%d %H:%M}"


def letter(greeting: str, *paragraphs: str, facts: dict[str, object] | None = None, closing: str = "") -> str:
    """A plain letter: greeting, what it is about, the facts as a list."""
    lines = "\n".join(f"{name}: {value}" for name, value in (facts or {}).items())
    return "\n\n".join(part for part in (f"Dear {greeting},", *paragraphs, lines, closing) if part) + "\n"


def names(people: Iterable[object]) -> str:
    """Such as `Ann Lee and Ben Lee`."""
    *most, last = dict.fromkeys(str(person) for person in people)
    return f"{', '.join(most)} and {last}" if most else last


def days_ahead(day: date, today: date) -> str:
    """When that is, seen from today: `today`, `tomorrow`, `in 7 days`, or `3 days ago`."""
    days = (day - today).days
    if days < 0:
        return "yesterday" if days == -1 else f"{-days} days ago"
    return {0: "today", 1: "tomorrow"}.get(days, f"in {days} days")


def days_overdue(least: int, days: int) -> str:
    """Such as `3 days overdue`, or `at least 3 days overdue (since 5 days)` if the message comes late."""
    return f"{least} days overdue" if days == least else f"at least {least} days overdue ({days} days by now)"
