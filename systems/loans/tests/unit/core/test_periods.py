"""Days, weeks and months that are over."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from core.periods import Period, days_before, months_before, owed, weeks_before

pytestmark = pytest.mark.unit


def days(*pairs: tuple[str, str]) -> list[Period]:
    return [Period(date.fromisoformat(first), date.fromisoformat(last)) for first, last in pairs]


def test_the_days_before_end_with_yesterday() -> None:
    assert days_before(date(2028, 3, 1), 2) == days(("2028-02-28", "2028-02-28"), ("2028-02-29", "2028-02-29"))


@pytest.mark.parametrize("today", ["2026-03-30", "2026-04-01", "2026-04-05"])
def test_the_week_before_runs_from_monday_to_sunday_whatever_day_it_is(today: str) -> None:
    assert weeks_before(date.fromisoformat(today), 2) == days(
        ("2026-03-16", "2026-03-22"), ("2026-03-23", "2026-03-29")
    )


def test_the_week_before_may_lie_in_another_year() -> None:
    assert weeks_before(date(2027, 1, 4), 1) == days(("2026-12-28", "2027-01-03"))


@pytest.mark.parametrize("today", ["2028-03-01", "2028-03-31"])
def test_the_months_before_have_their_own_lengths(today: str) -> None:
    assert months_before(date.fromisoformat(today), 3) == days(
        ("2027-12-01", "2027-12-31"), ("2028-01-01", "2028-01-31"), ("2028-02-01", "2028-02-29")
    )


@pytest.mark.parametrize(
    ("day", "hours"), [("2026-04-04", 24), ("2026-04-05", 25), ("2026-10-04", 23), ("2026-10-05", 24)]
)
def test_a_day_is_as_long_as_the_clocks_make_it(day: str, hours: int) -> None:
    start, end = days((day, day))[0].moments
    assert end.astimezone(UTC) - start.astimezone(UTC) == timedelta(hours=hours)


def test_days_neither_overlap_nor_leave_a_gap() -> None:
    year = days_before(date(2027, 1, 1), 365)
    assert [day.moments[1] for day in year[:-1]] == [day.moments[0] for day in year[1:]]
    assert year[0].moments[0] == datetime(2025, 12, 31, 13, tzinfo=UTC)


@pytest.mark.parametrize(
    ("first", "last", "text"),
    [
        ("2026-03-08", "2026-03-08", "8 March 2026"),
        ("2026-03-02", "2026-03-08", "2 to 8 March 2026"),
        ("2026-03-30", "2026-04-05", "30 March 2026 to 5 April 2026"),
        ("2025-03-01", "2026-03-01", "1 March 2025 to 1 March 2026"),
    ],
)
def test_a_period_reads_as_people_write_it(first: str, last: str, text: str) -> None:
    assert str(days((first, last))[0]) == text


@pytest.mark.parametrize(
    ("first_known", "done", "expected"),
    [
        (None, [], ["2026-03-07"]),  # nobody worked on any before: only the last
        ("2026-03-05", ["2026-03-05"], ["2026-03-06", "2026-03-07"]),  # one was missed
        ("2026-03-05", ["2026-03-05", "2026-03-07"], ["2026-03-06"]),  # one failed in between
        ("2026-03-05", [], ["2026-03-05", "2026-03-06", "2026-03-07"]),  # begun, and not done
        ("2026-01-01", [], ["2026-03-05", "2026-03-06", "2026-03-07"]),  # not further back than the window
        ("2026-01-01", ["2026-03-05", "2026-03-06", "2026-03-07"], []),
    ],
)
def test_what_is_owed(first_known: str | None, done: list[str], expected: list[str]) -> None:
    window = days_before(date(2026, 3, 8), 3)
    assert [period.key for period in owed(window, first_known=first_known, done=done)] == expected
