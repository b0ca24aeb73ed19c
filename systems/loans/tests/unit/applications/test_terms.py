"""What can be agreed, and what is said about what cannot."""

from __future__ import annotations

from typing import Any

import pytest

from applications.terms import validate_terms

pytestmark = pytest.mark.unit

GOOD = {
    "loan_amount": "1000.00",
    "loan_term": 1,
    "interest_rate": 0,
    "repayment_frequency": "weekly",
    "estimated_settlement_date": "2028-02-29",
    "application_type": "residential",
    "purpose": "A house",
}


def test_good_terms_have_no_errors() -> None:
    assert validate_terms(GOOD) == {}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("loan_amount", 1000),
        ("loan_amount", "9999999999.99"),
        ("loan_amount", None),
        ("loan_term", 360),
        ("loan_term", "12"),
        ("interest_rate", "30.00"),
        ("interest_rate", 6.25),
        ("repayment_frequency", "annually"),
        ("estimated_settlement_date", None),
    ],
)
def test_the_limits_themselves_are_good(field: str, value: Any) -> None:
    assert validate_terms({**GOOD, field: value}) == {}


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("loan_amount", "999.99", "greater than or equal to 1000"),
        ("loan_amount", 10**12, "no more than 12 digits"),
        ("loan_amount", "1000.001", "no more than 2 decimal places"),
        ("loan_amount", "a lot", "valid number"),
        ("loan_amount", True, "valid number"),
        ("loan_amount", "NaN", "valid number"),
        ("loan_amount", "Infinity", "valid number"),
        ("loan_amount", float("inf"), "valid number"),
        ("loan_amount", "1E400", "no more than 12 digits"),
        ("loan_amount", "1" * 2000, "too large"),
        ("loan_amount", [1000], "valid number"),
        ("loan_amount", {"amount": 1000}, "valid number"),
        ("loan_term", 0, "greater than or equal to 1"),
        ("loan_term", 361, "less than or equal to 360"),
        ("loan_term", 10**30, "less than or equal to 360"),
        ("loan_term", 12.5, "valid integer"),
        ("loan_term", True, "valid integer"),
        ("loan_term", "1\x002", "valid integer"),
        ("loan_term", [[1]], "valid integer"),
        ("interest_rate", -0.01, "greater than or equal to 0"),
        ("interest_rate", "30.01", "less than or equal to 30"),
        ("interest_rate", "six", "valid number"),
        ("repayment_frequency", "daily", "not a valid choice"),
        ("repayment_frequency", None, "may not be null"),
        ("repayment_frequency", [], "not a valid choice"),
        ("repayment_frequency", {}, "not a valid choice"),
        ("estimated_settlement_date", "2026-02-29", "wrong format"),
        ("estimated_settlement_date", "1899-12-31", "greater than or equal to 1900-01-01"),
        ("estimated_settlement_date", "9999-12-31", "less than or equal to 2199-12-31"),
        ("estimated_settlement_date", 20260101, "wrong format"),
        ("application_type", "x" * 41, "no more than 40 characters"),
        ("purpose", "a\x00b", "Null characters are not allowed"),
        ("purpose", ["a"], "Not a valid string"),
        ("purpose", "x" * 10_001, "no more than 10000 characters"),
    ],
)
def test_what_is_wrong_is_said_of_its_field_alone(field: str, value: Any, said: str) -> None:
    errors = validate_terms({**GOOD, field: value})
    assert list(errors) == [field]
    assert said in " ".join(errors[field])


def test_all_that_is_wrong_is_said_at_once() -> None:
    errors = validate_terms({**GOOD, "loan_amount": 1, "loan_term": 0, "interest_rate": 31})
    assert sorted(errors) == ["interest_rate", "loan_amount", "loan_term"]


@pytest.mark.parametrize("nonsense", [None, [], "text", 7, [[]], True])
def test_what_is_no_set_of_fields_is_said_to_be_none(nonsense: Any) -> None:
    assert list(validate_terms(nonsense)) == ["non_field_errors"]
