"""The words, where they depend on numbers."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from applications.reminders.texts import days_ahead, days_overdue, letter, moment, money, names

pytestmark = pytest.mark.unit


def test_amounts_are_plain() -> None:
    assert money(Decimal(10000)) == "AUD 10000.00"
    assert money(Decimal("1234567.5")) == "AUD 1234567.50"
    assert money(None) == "not known"


def test_moments_are_the_office_s() -> None:
    assert moment(datetime(2026, 3, 15, 22, 30, tzinfo=UTC)) == "2026-03-16 09:30"


@pytest.mark.parametrize(
    ("people", "expected"),
    [(["Ann"], "Ann"), (["Ann", "Ben"], "Ann and Ben"), (["A", "B", "C"], "A, B and C"), (["A", "A"], "A")],
)
def test_people_are_listed_as_one_says_it(people: list[str], expected: str) -> None:
    assert names(people) == expected


@pytest.mark.parametrize(
    ("day", "expected"),
    [(9, "in 7 days"), (3, "tomorrow"), (2, "today"), (1, "yesterday")],
)
def test_days_are_told_as_one_says_them(day: int, expected: str) -> None:
    assert days_ahead(date(2026, 3, day), date(2026, 3, 2)) == expected
    assert days_ahead(date(2026, 2, 27), date(2026, 3, 2)) == "3 days ago"


def test_lateness_is_told_as_it_is() -> None:
    assert days_overdue(3, 3) == "3 days overdue"
    assert days_overdue(3, 5) == "at least 3 days overdue (5 days by now)"


def test_a_letter_leaves_out_what_is_empty() -> None:
    assert letter("Ann", "hello.", "", closing="Bye") == "Dear Ann,\n\nhello.\n\nBye\n"
