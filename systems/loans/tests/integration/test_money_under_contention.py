"""Payments, fees, schedules and imports by several connections at once, on a database that really runs them at once."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from decimal import Decimal
from threading import Barrier
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.db import connection, transaction

from applications.editing import delete_application
from applications.models import Application
from core.errors import BusinessError, Conflict
from documents import bank_import
from documents.fees import create_standard_fees, mark_fee_paid
from documents.models import BankTransaction, Ledger, Repayment, RepaymentImport
from documents.payments import record_payment
from documents.schedule import generate_repayment_schedule
from tests.factories import ApplicationFactory, FeeFactory, RepaymentFactory

pytestmark = [
    pytest.mark.integration,
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite lets one connection write at a time"),
]

PEOPLE = 6
DAY = date(2026, 1, 5)


def at_once(act: Callable[[int], Any], people: int = PEOPLE) -> list[Any]:
    """Let so many connections do it at the same moment; the results, or what they were told instead."""
    start = Barrier(people)

    def one(number: int) -> Any:
        start.wait(10)
        try:
            return act(number)
        except BusinessError as error:
            return type(error)
        finally:
            connection.close()

    with ThreadPoolExecutor(people) as pool:
        return list(pool.map(one, range(people)))


@pytest.mark.parametrize("attempt", range(3))
def test_of_many_payments_of_an_instalment_one_is_booked(attempt: int) -> None:
    row = RepaymentFactory()
    results = at_once(lambda number: record_payment(row, DAY, key=f"key {number}"))
    assert results.count(Conflict) == PEOPLE - 1
    row.refresh_from_db()
    (winner,) = [result for result in results if result is not Conflict]
    assert row.payment_key == winner.payment_key
    assert Ledger.objects.count() == 1


@pytest.mark.parametrize("attempt", range(3))
def test_of_many_clicks_on_a_fee_one_is_booked_and_all_are_answered(attempt: int) -> None:
    fee = FeeFactory()
    results = at_once(lambda number: mark_fee_paid(fee, DAY, "click"))
    assert [result.pk for result in results] == [fee.pk] * PEOPLE
    assert Ledger.objects.count() == 1


def test_the_standard_fees_are_made_once_by_many() -> None:
    application = ApplicationFactory()
    results = at_once(lambda number: [fee.pk for fee in create_standard_fees(application, None)])
    assert all(result == results[0] for result in results)
    assert application.fees.count() == application.ledger.count() == 4


def test_a_schedule_made_by_many_exists_once() -> None:
    application = ApplicationFactory(loan_term=12, loan_amount=Decimal(12000))
    at_once(lambda number: generate_repayment_schedule(application, None, DAY))
    assert application.repayments.count() == 12


@pytest.mark.parametrize("attempt", range(5))
def test_a_payment_during_a_new_schedule_is_kept_or_refused_and_never_lost(attempt: int) -> None:
    application = ApplicationFactory(loan_term=12, loan_amount=Decimal(12000), interest_rate=0)
    first = generate_repayment_schedule(application, None, DAY)[0]

    def act(number: int) -> Any:
        if number:
            return record_payment(first, DAY)
        return generate_repayment_schedule(application, None, DAY)

    _, paid = at_once(act, people=2)
    kept = Repayment.objects.filter(pk=first.pk, paid_date=DAY).exists()
    assert kept is (paid is not Conflict)
    assert application.repayments.count() == 12
    assert sum(row.amount for row in application.repayments.all()) == 12000
    assert Ledger.objects.filter(transaction_type="repayment_received").count() == kept


@pytest.mark.parametrize("same_file", [True, False])
def test_imports_of_the_same_payments_book_each_once(same_file: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bank_import, "BATCH", 7)
    application = ApplicationFactory()
    rows = [RepaymentFactory(application=application) for _ in range(50)]
    content = "reference,date,amount,repayment\n" + "".join(f"B{row.pk},2026-01-05,1000,{row.pk}\n" for row in rows)
    files = [bank_import.start(ContentFile(content.encode(), "bank.csv"), None) for _ in range(1 if same_file else 3)]
    at_once(lambda number: bank_import.run(files[number % len(files)].pk, lambda done, message: None), people=3)
    found = list(RepaymentImport.objects.all())
    assert {source.status for source in found} == {"done"}
    assert sum(source.booked for source in found) == 50
    assert sum(source.known_before for source in found) == 50 * (len(files) - 1)
    assert sum(source.bad_lines for source in found) == 0
    assert BankTransaction.objects.count() == Ledger.objects.count() == 50
    assert not Repayment.objects.filter(paid_date__isnull=True).exists()


PAYABLE = {
    "an instalment": (RepaymentFactory, lambda row: record_payment(row, DAY)),
    "a fee": (FeeFactory, lambda row: mark_fee_paid(row, DAY)),
}


@pytest.mark.parametrize("what", PAYABLE)
def test_who_deletes_does_not_wait_for_a_payment_that_waits_for_the_application(what: str) -> None:
    """Each would hold what the other one needs, for the entry of a payment needs its application at the commit."""
    make, pay = PAYABLE[what]
    row = make()
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            pay(row)
            (told,) = pool.submit(at_once, lambda number: delete_application(row.application), people=1).result(30)
        assert told is Conflict
    row.refresh_from_db()
    assert row.paid_date == DAY
    assert Ledger.objects.get().application == row.application


@pytest.mark.parametrize("attempt", range(5))
@pytest.mark.parametrize("what", PAYABLE)
def test_of_a_payment_and_a_deletion_one_happens_and_the_other_is_refused(what: str, attempt: int) -> None:
    make, pay = PAYABLE[what]
    row = make()
    results = at_once(lambda number: pay(row) if number else delete_application(row.application), people=2)
    assert results.count(Conflict) == 1
    is_paid = results[0] is Conflict
    assert Application.objects.count() == type(row).objects.filter(paid_date=DAY).count() == is_paid
    assert Ledger.objects.count() == is_paid
