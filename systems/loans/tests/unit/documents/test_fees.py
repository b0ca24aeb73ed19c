"""Fees: in the ledger once when they are made, and once when they are paid."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest

from core.clock import today
from core.errors import Conflict, NotPossible
from documents.fees import add_fee, cancel_fee, create_standard_fees, mark_fee_paid
from documents.models import Fee, Ledger
from tests.factories import AdminFactory, ApplicationFactory, FeeFactory

pytestmark = [pytest.mark.unit, pytest.mark.django_db]


def booked(fee: Fee) -> list[tuple[str, str]]:
    return [(entry.transaction_type, str(entry.amount)) for entry in fee.ledger.order_by("pk")]


def test_a_fee_is_in_the_ledger_once() -> None:
    by = AdminFactory()
    fee = add_fee(ApplicationFactory(), "legal", "1200.50", date(2026, 4, 30), by, description="Search of title")
    fee.refresh_from_db()
    assert (fee.fee_type, fee.amount, fee.due_date) == ("legal", Decimal("1200.50"), date(2026, 4, 30))
    assert (fee.created_by, fee.description) == (by, "Search of title")
    assert booked(fee) == [("fee_created", "1200.50")]
    assert fee.ledger.get().created_by == by


def test_a_fee_may_be_due_at_no_day() -> None:
    assert add_fee(ApplicationFactory(), "other", 10, None, None).due_date is None


def test_a_kind_that_does_not_exist_is_refused_with_those_that_do() -> None:
    with pytest.raises(NotPossible, match="there are application, valuation, legal, settlement, other"):
        add_fee(ApplicationFactory(), "bribe", 10, None, None)
    assert not Ledger.objects.exists()


def test_a_fee_of_nothing_is_refused() -> None:
    with pytest.raises(NotPossible, match="more than 0"):
        add_fee(ApplicationFactory(), "other", 0, None, None)


def test_the_standard_fees_are_four_with_fixed_sums() -> None:
    fees = create_standard_fees(ApplicationFactory(), None)
    assert {fee.fee_type: str(fee.amount) for fee in Fee.objects.all()} == {
        "application": "500.00",
        "valuation": "800.00",
        "legal": "1200.00",
        "settlement": "300.00",
    }
    assert {fee.due_date for fee in fees} == {today() + timedelta(days=30)}
    assert [booked(fee) for fee in fees] == [[("fee_created", str(fee.amount))] for fee in fees]


def test_the_standard_fees_are_made_once_and_one_that_is_there_stays_as_it_is() -> None:
    application = ApplicationFactory()
    own = add_fee(application, "valuation", 950, None, None)
    first = create_standard_fees(application, None)
    again = create_standard_fees(application, None)
    assert [fee.pk for fee in again] == [fee.pk for fee in first]
    assert own in first
    assert application.fees.count() == application.ledger.count() == 4
    assert sum(fee.amount for fee in application.fees.all()) == 500 + 950 + 1200 + 300


def test_the_fees_of_another_application_do_not_count() -> None:
    create_standard_fees(ApplicationFactory(), None)
    assert len(create_standard_fees(ApplicationFactory(), None)) == 4
    assert Fee.objects.count() == 8


def test_a_payment_is_booked_once() -> None:
    by, fee = AdminFactory(), FeeFactory()
    paid = mark_fee_paid(fee, today(), "k1", by)
    assert (paid.paid_date, paid.payment_key) == (today(), "k1")
    assert booked(fee) == [("fee_paid", "500.00")]


def test_a_double_click_books_once_and_another_payment_is_a_conflict() -> None:
    fee = FeeFactory()
    yesterday = today() - timedelta(days=1)
    mark_fee_paid(fee, yesterday, "click")
    assert mark_fee_paid(fee, today(), "click").paid_date == yesterday
    for key in ("", "other"):
        with pytest.raises(Conflict, match=f"already paid on {yesterday}"):
            mark_fee_paid(fee, today(), key)
    assert booked(fee) == [("fee_paid", "500.00")]


def test_two_payments_without_a_key_are_two_payments() -> None:
    fee = mark_fee_paid(FeeFactory(), today())
    with pytest.raises(Conflict, match="already paid"):
        mark_fee_paid(fee, today())


def test_a_payment_in_the_future_is_refused() -> None:
    with pytest.raises(NotPossible, match="future"):
        mark_fee_paid(FeeFactory(), today() + timedelta(days=1))


def test_a_fee_that_is_gone_is_a_conflict() -> None:
    fee = FeeFactory()
    Fee.objects.all().delete()
    with pytest.raises(Conflict, match="no longer there"):
        mark_fee_paid(fee, today())


def test_a_cancelled_fee_is_gone_and_its_sum_taken_back() -> None:
    application = ApplicationFactory()
    cancel_fee(add_fee(application, "other", 10, None, None), None)
    assert not application.fees.exists()
    entries = [(entry.transaction_type, str(entry.amount)) for entry in application.ledger.order_by("pk")]
    assert entries == [("fee_created", "10.00"), ("adjustment", "-10.00")]


def test_a_paid_fee_cannot_be_cancelled() -> None:
    fee = mark_fee_paid(FeeFactory(), today())
    with pytest.raises(Conflict, match="only an unpaid one"):
        cancel_fee(fee, None)
    assert Fee.objects.get().paid_date == today()
