"""What may differ between two correct runs is told by a word."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from coldframe._harden.normal import normal, of_a_run


@pytest.mark.parametrize("moment", [1767603600, 1767603600.25, 1767603600000, "2026-01-05 09:00:00+00:00"])
def test_a_moment_is_any_moment(moment: object) -> None:
    assert normal(moment) == "«moment»"


@pytest.mark.parametrize("number", [1767603600, 1767603600.25, 1767603600000, 1767603600000000, 1767603600000000000])
def test_a_moment_is_found_in_a_text(number: float) -> None:
    assert normal(f'{{"at": {number}, "amount": 30}}') == '{"at": «moment», "amount": 30}'


@pytest.mark.parametrize("text", ["4917676036001", "order-v1767603600", "17676036001", "0.1767603600", "1.767603600"])
def test_other_digits_are_none(text: str) -> None:
    assert normal(text) == text


@pytest.mark.parametrize("number", [0, 42, True, 1_500.5, 2026000123, 447700900123])
def test_other_numbers_are_themselves(number: object) -> None:
    assert normal(number) is number


def test_an_id_is_any_id_with_dashes_and_without() -> None:
    assert normal("966485e436f4456fbc8be526a021d2e6") == "«id»"
    assert normal("order 966485e4-36f4-456f-bc8b-e526a021d2e6 is paid") == "order «id» is paid"


BEGIN = datetime(2026, 1, 5, 9, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("moment", "told"),
    [
        (datetime(2026, 1, 5, 9, 1, tzinfo=UTC), "«moment»"),
        ("2026-01-06 08:59:00", "«moment»"),
        ("2026-02-04T09:00:00Z", "«moment +30 days»"),
        (datetime(2026, 2, 4, 9, 3), "«moment +30 days»"),
        ("2026-03-06 09:00:00.5+00:00", "«moment +60 days»"),
        ("valid until 2026-03-06 10:00 UTC", "valid until «moment +60 days»"),
        (int(BEGIN) - 2 * 86_400, "«moment -2 days»"),
        ("Mon, 05 Jan 2026 09:00:00 +0000", "«moment»"),
    ],
)
def test_a_moment_far_from_the_run_is_told_by_its_distance(moment: object, told: str) -> None:
    with of_a_run(BEGIN, BEGIN + 60):
        assert normal(moment) == told


@pytest.mark.parametrize("hours", range(26, 24 * 40))
def test_a_retry_after_a_quarter_of_an_hour_moves_no_moment_that_is_reckoned_from_now(hours: int) -> None:
    with of_a_run(BEGIN, BEGIN + 900):
        assert normal(BEGIN + hours * 3600) == normal(BEGIN + hours * 3600 + 900)
