"""The terms of a loan, and what is wrong with them."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from applications.models import Application
from core.fields import Day

#: What is agreed with the borrower, and stays as it is once the application is closed.
TERMS = ("loan_amount", "loan_term", "interest_rate", "repayment_frequency", "estimated_settlement_date")


class Terms(serializers.ModelSerializer[Application]):
    """What somebody wants to borrow, for how long, and at what rate: 1000 or more, 1 to 360 months, 0 to 30 %."""

    estimated_settlement_date = Day(required=False, allow_null=True)

    class Meta:
        model = Application
        fields = ["application_type", "purpose", *TERMS]
        extra_kwargs = {"purpose": {"max_length": 10_000}}


def validate_terms(data: Any) -> dict[str, list[str]]:
    """What is wrong with terms as somebody sent them, by field; nothing if they can be used."""
    if data is None:
        return {"non_field_errors": ["There is nothing to check."]}
    terms = Terms(data=data)
    terms.is_valid()
    return dict(terms.errors)
