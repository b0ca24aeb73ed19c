"""The arithmetic of a schedule: nothing is lost to rounding, and no day is lost to a short month."""

from __future__ import annotations

from calendar import monthrange
from datetime import date
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from applications.models import Frequency
from documents.annuity import amortise, annuity, due_date, instalments_in, rate_of, start_before
from documents.money import cents

pytestmark = pytest.mark.unit

frequencies = st.sampled_from(Frequency.values)
loans = st.decimals(min_value=1000, max_value=Decimal("9999999999.99"), places=2)
terms = st.integers(min_value=1, max_value=360)
rates = st.decimals(min_value=0, max_value=30, places=2)
starts = st.dates(min_value=date(2000, 1, 1), max_value=date(2100, 12, 31))


@settings(deadline=None)
@given(loan=loans, term=terms, rate=rates, frequency=frequencies)
def test_each_loan_is_repaid_to_the_cent(loan, term, rate, frequency) -> None:
    period_rate = rate_of(rate, frequency)
    parts = amortise(loan, period_rate, instalments_in(term, frequency))
    balance = loan
    for part in parts:
        balance += cents(balance * period_rate) - part.amount
        assert balance == part.balance
    assert balance == 0
    assert sum(part.principal for part in parts) == loan
    assert sum(part.amount for part in parts) == loan + sum(part.interest for part in parts)
    assert all(part.amount > 0 and part.amount == cents(part.amount) for part in parts)


@settings(deadline=None)
@given(loan=loans, term=terms, rate=rates, frequency=frequencies)
def test_the_last_instalment_is_never_more_than_double(loan, term, rate, frequency) -> None:
    count = instalments_in(term, frequency)
    parts = amortise(loan, rate_of(rate, frequency), count)
    usual = annuity(loan, rate_of(rate, frequency), count)
    assert parts[-1].amount <= 2 * usual
    assert len(parts) == count


@settings(deadline=None)
@given(loan=loans, term=st.integers(1, 120), rate=st.decimals(min_value=0, max_value=12, places=2))
def test_at_usual_terms_all_instalments_but_the_last_are_equal(loan, term, rate) -> None:
    parts = amortise(loan, rate_of(rate, Frequency.MONTHLY), term)
    assert {part.amount for part in parts[:-1]} <= {annuity(loan, rate_of(rate, Frequency.MONTHLY), term)}


@settings(deadline=None)
@given(start=starts, frequency=frequencies, count=st.integers(2, 400))
def test_days_go_forward_and_no_day_of_the_month_is_lost(start, frequency, count) -> None:
    days = [due_date(start, frequency, number) for number in range(count)]
    assert days[0] == start
    assert all(before < after for before, after in pairwise(days))
    if frequency in (Frequency.WEEKLY, Frequency.FORTNIGHTLY):
        assert {(after - before).days for before, after in pairwise(days)} == {7 if frequency == "weekly" else 14}
    else:
        assert all(day.day == min(start.day, monthrange(day.year, day.month)[1]) for day in days)
        months = {(after.year - before.year) * 12 + after.month - before.month for before, after in pairwise(days)}
        assert months == {{"monthly": 1, "quarterly": 3, "annually": 12}[frequency]}


@settings(deadline=None)
@given(start=starts, frequency=frequencies)
def test_the_start_is_found_again_from_the_first_due_day(start, frequency) -> None:
    assert start_before(due_date(start, frequency, 1), frequency, start.day) == start


@pytest.mark.parametrize(
    ("start", "number", "day"),
    [
        (date(2026, 1, 31), 1, date(2026, 2, 28)),
        (date(2026, 1, 31), 2, date(2026, 3, 31)),
        (date(2028, 1, 31), 1, date(2028, 2, 29)),
        (date(2028, 1, 30), 1, date(2028, 2, 29)),
        (date(2028, 1, 29), 1, date(2028, 2, 29)),
        (date(2027, 12, 31), 2, date(2028, 2, 29)),
        (date(2099, 12, 31), 2, date(2100, 2, 28)),
    ],
)
def test_a_short_month_takes_its_last_day_and_the_next_the_right_one(start, number, day) -> None:
    assert due_date(start, Frequency.MONTHLY, number) == day


def test_a_loan_of_29_february_is_due_on_28_february_until_the_next_leap_year() -> None:
    days = [due_date(date(2024, 2, 29), Frequency.ANNUALLY, number) for number in range(1, 5)]
    assert days == [date(2025, 2, 28), date(2026, 2, 28), date(2027, 2, 28), date(2028, 2, 29)]


@pytest.mark.parametrize(
    ("frequency", "counts"),
    [
        (Frequency.WEEKLY, {1: 5, 12: 52, 360: 1560}),
        (Frequency.FORTNIGHTLY, {1: 3, 12: 26, 360: 780}),
        (Frequency.MONTHLY, {1: 1, 12: 12, 360: 360}),
        (Frequency.QUARTERLY, {1: 1, 3: 1, 4: 2, 10: 4, 12: 4}),
        (Frequency.ANNUALLY, {1: 1, 12: 1, 13: 2, 360: 30}),
    ],
)
def test_a_period_that_is_begun_counts(frequency, counts) -> None:
    assert {term: instalments_in(term, frequency) for term in counts} == counts


def test_a_thousand_in_three_instalments_without_interest_is_a_thousand() -> None:
    assert [str(part.amount) for part in amortise(Decimal(1000), Decimal(0), 3)] == ["333.33", "333.33", "333.34"]


def test_ten_thousand_over_a_year_at_six_percent() -> None:
    parts = amortise(Decimal("10000.00"), rate_of(Decimal("6.00"), Frequency.MONTHLY), 12)
    assert [str(part.amount) for part in parts] == ["860.66"] * 11 + ["860.70"]
    assert (str(parts[0].interest), str(parts[0].principal), str(parts[0].balance)) == ("50.00", "810.66", "9189.34")
    assert sum(part.interest for part in parts) == Decimal("327.96")


def test_a_long_loan_at_a_high_rate_does_not_end_in_a_huge_instalment() -> None:
    parts = amortise(Decimal("1000.00"), rate_of(Decimal(30), Frequency.WEEKLY), 1560)
    assert {str(part.amount) for part in parts} == {"5.77", "5.78"}
