"""Fees, repayments and the ledger of an application, over the API."""

from __future__ import annotations

from datetime import date

import pytest
import time_machine

from documents.models import Fee, Ledger, Repayment
from tests.factories import RepaymentFactory
from tests.house import House

pytestmark = [pytest.mark.component, pytest.mark.django_db]


def test_a_fee_is_charged_and_booked_once(house: House) -> None:
    given = {"fee_type": "legal", "amount": "1200.00", "due_date": "2026-04-30", "description": "Searches"}
    answer = house.call("bd", "post", "add_fee/", given)
    assert answer.status_code == 201
    fee = Fee.objects.get(pk=answer.json()["id"])
    assert (fee.application, fee.created_by, fee.description) == (house.own, house.people["bd"], "Searches")
    assert [entry.transaction_type for entry in Ledger.objects.filter(related_fee=fee)] == ["fee_created"]
    assert fee.pk in {row["id"] for row in house.call("client", "get", "fees/").json()["results"]}


def test_an_instalment_that_was_added_is_listed_and_can_be_paid(house: House) -> None:
    made = house.call("bd", "post", "add_repayment/", {"amount": "250.50", "due_date": "2026-03-31"}).json()
    assert made["id"] in {row["id"] for row in house.call("broker", "get", "repayments/").json()["results"]}
    paid = house.call("bd", "post", "record_payment/", {"repayment_id": made["id"]})
    assert (paid.status_code, paid.json()["paid_amount"], paid.json()["status"]) == (200, "250.50", "paid")
    booked = [entry["transaction_type"] for entry in house.call("client", "get", "ledger/").json()["results"]]
    assert sorted(booked) == ["repayment_received", "repayment_scheduled"]


@time_machine.travel("2026-03-10T22:00:00Z", tick=False)
def test_without_a_day_it_was_paid_today_in_the_office(house: House) -> None:
    repayment = house.own.repayments.get()
    house.call("bd", "post", "record_payment/", {"repayment_id": repayment.pk})
    assert Repayment.objects.get(pk=repayment.pk).paid_date == date(2026, 3, 11)


@time_machine.travel("2026-03-10T22:00:00Z", tick=False)
def test_a_double_click_is_one_payment(house: House) -> None:
    repayment = house.own.repayments.get()
    given = {
        "repayment_id": repayment.pk,
        "payment_amount": "1000.00",
        "payment_date": "2026-03-09",
        "request_id": "click-1",
    }
    first, second = (house.call("bd", "post", "record_payment/", given) for _ in range(2))
    assert (first.status_code, second.status_code) == (200, 200)
    assert first.json() == second.json()
    assert first.json()["paid_date"] == "2026-03-09"
    assert Ledger.objects.filter(related_repayment=repayment, transaction_type="repayment_received").count() == 1


def test_another_payment_of_what_is_paid_is_refused(house: House) -> None:
    given = {"repayment_id": house.own.repayments.get().pk}
    assert house.call("bd", "post", "record_payment/", {**given, "request_id": "one"}).status_code == 200
    for other in ({"request_id": "two"}, {}):
        answer = house.call("bd", "post", "record_payment/", {**given, **other})
        assert (answer.status_code, "was already paid" in answer.json()["detail"]) == (409, True)
    assert Ledger.objects.filter(transaction_type="repayment_received").count() == 1


def test_a_day_that_is_none_is_refused_before_anything_is_saved(house: House) -> None:
    repayment = house.own.repayments.get()
    answer = house.call("bd", "post", "record_payment/", {"repayment_id": repayment.pk, "payment_date": "yesterday"})
    assert (answer.status_code, list(answer.json())) == (400, ["payment_date"])
    assert Repayment.objects.get(pk=repayment.pk).paid_date is None


def test_an_instalment_of_another_application_is_not_found(house: House) -> None:
    strange = house.other.repayments.get()
    for pk in (strange.pk, 10**15):
        assert house.call("bd", "post", "record_payment/", {"repayment_id": pk}).status_code == 404
    assert Repayment.objects.get(pk=strange.pk).paid_date is None


def test_a_schedule_replaces_what_is_unpaid_and_keeps_what_is_paid(house: House) -> None:
    house.own.repayments.all().delete()
    paid = RepaymentFactory(application=house.own, due_date="2026-02-28", paid_date="2026-02-28", paid_amount=1000)
    type(house.own).objects.filter(pk=house.own.pk).update(loan_term=12)
    answer = house.call("bd", "post", "generate_schedule/", {"start_date": "2026-01-31"})
    assert answer.status_code == 201
    assert [row["due_date"] for row in answer.json()][:3] == ["2026-03-31", "2026-04-30", "2026-05-31"]
    assert len(answer.json()) == 11
    assert Repayment.objects.filter(pk=paid.pk, paid_amount=1000).exists()
    assert house.call("client", "get", "repayments/").json()["count"] == 12


def test_a_schedule_of_nothing_is_refused_and_all_stays(house: House) -> None:
    type(house.own).objects.update(loan_amount=None)
    answer = house.call("admin", "post", "generate_schedule/", {})
    assert (answer.status_code, "has no amount" in answer.json()["detail"]) == (400, True)
    assert house.own.repayments.count() == 1
