"""Applications over the API: listed, made, shown, corrected and deleted."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from applications.models import Application
from core.clock import today
from tests.factories import (
    ApplicationFactory,
    BDMFactory,
    BorrowerFactory,
    BranchFactory,
    BrokerFactory,
    GuarantorFactory,
    RepaymentFactory,
)
from tests.house import House

pytestmark = [pytest.mark.component, pytest.mark.django_db]

LIST = "/api/applications/"


def test_an_application_is_shown_with_its_people_and_its_ways(house: House) -> None:
    application = house.own
    borrowers = [{"id": borrower.pk, "name": borrower.name} for borrower in application.borrowers.all()]
    shown = house.call("broker", "get", "").json()
    moment = shown.pop("created_at")
    assert shown.pop("updated_at") >= moment
    assert shown == {
        "id": application.pk,
        "reference_number": application.reference_number,
        "stage": "inquiry",
        "stage_last_updated": None,
        "in_stage_since": moment,
        "allowed_moves": ["pre_approval", "declined", "withdrawn"],
        "application_type": "residential",
        "purpose": "A house",
        "loan_amount": "500000.00",
        "loan_term": 360,
        "interest_rate": "6.00",
        "repayment_frequency": "monthly",
        "estimated_settlement_date": None,
        "broker": {"id": application.broker.pk, "name": application.broker.name},
        "branch": None,
        "bd": {"id": application.bd.pk, "name": application.bd.name},
        "borrowers": borrowers,
        "guarantors": [],
        "signed_by": "",
        "signature_date": None,
        "created_by": None,
    }


@pytest.mark.parametrize("role", ["admin", "bd", "broker", "client"])
def test_a_list_asks_the_database_as_often_for_fifty_as_for_one(
    house: House, role: str, django_assert_num_queries: Any
) -> None:
    own = house.own
    api = house.api(role)
    borrower = own.borrowers.get(user__isnull=False)
    for number in (1, 49):
        with django_assert_num_queries(4):  # count, rows with broker, branch and manager, borrowers, guarantors
            answer = api.get(LIST, {"page_size": 50})
        assert answer.data["count"] == number + (role == "admin" and number == 1)
        for _ in range(48 - (role == "admin")):
            made = ApplicationFactory(broker=own.broker, bd=own.bd, branch=BranchFactory(), borrowers=[borrower])
            made.guarantors.add(GuarantorFactory())


def test_a_list_comes_in_pages_with_the_newest_first(house: House) -> None:
    answer = house.api("admin").get(LIST, {"page_size": 1})
    assert (answer.data["count"], [row["id"] for row in answer.data["results"]]) == (2, [house.other.pk])
    assert answer.data["next"].endswith("?page=2&page_size=1")


def test_a_list_is_narrowed_by_what_is_asked_for(house: House) -> None:
    api, own = house.api("admin"), house.own
    Application.objects.filter(pk=own.pk).update(stage="valuation")
    asked = [
        {"stage": "valuation"},
        {"broker": own.broker_id},
        {"bd": own.bd_id},
        {"search": own.reference_number[-8:].lower()},
        {"search": own.borrowers.first().last_name, "stage": "valuation", "broker": own.broker_id},
    ]
    for query in asked:
        assert [row["id"] for row in api.get(LIST, query).data["results"]] == [own.pk], query
    assert api.get(LIST, {"stage": "", "search": ""}).data["count"] == 2
    assert api.get(LIST, {"stage": "funded"}).data["count"] == 0


def test_an_application_is_made_with_terms_and_people(house: House) -> None:
    broker, bd, branch = BrokerFactory(), BDMFactory(), BranchFactory()
    borrower, guarantor = BorrowerFactory(), GuarantorFactory()
    given = {
        "application_type": "commercial",
        "purpose": "A shop",
        "loan_amount": "250000.50",
        "loan_term": 120,
        "interest_rate": "7.25",
        "repayment_frequency": "fortnightly",
        "estimated_settlement_date": "2028-02-29",
    }
    people = {
        "broker": broker.pk,
        "bd": bd.pk,
        "branch": branch.pk,
        "borrower_ids": [borrower.pk],
        "guarantor_ids": [guarantor.pk],
    }
    answer = house.api("admin").post(LIST, {**given, **people, "stage": "funded", "id": 1}, format="json")
    made = answer.json()
    assert answer.status_code == 201
    assert {name: made[name] for name in given} == given
    assert (made["stage"], made["created_by"]) == ("inquiry", house.people["admin"].pk)
    assert [made[name]["id"] for name in ("broker", "bd", "branch")] == [broker.pk, bd.pk, branch.pk]
    assert (made["borrowers"][0]["id"], made["guarantors"][0]["id"]) == (borrower.pk, guarantor.pk)


@pytest.mark.parametrize("role", ["bd", "broker", "client"])
def test_whoever_makes_an_application_sees_it(house: House, role: str) -> None:
    api = house.api(role)
    made = api.post(LIST, {"purpose": "A boat"}, format="json").json()
    assert api.get(f"{LIST}{made['id']}/").json()["purpose"] == "A boat"


def test_a_client_names_no_broker(house: House) -> None:
    answer = house.api("client").post(LIST, {"broker": house.own.broker_id}, format="json")
    assert answer.status_code == 403
    assert "leave 'broker' out" in answer.json()["detail"]


@pytest.mark.parametrize("role", ["bd", "broker", "client"])
def test_nobody_brings_in_borrowers_whom_they_do_not_see(house: House, role: str) -> None:
    strange = house.other.borrowers.first().pk
    answer = house.api(role).post(LIST, {"borrower_ids": [strange]}, format="json")
    assert answer.status_code == 400
    assert answer.json() == {"borrower_ids": [f"There is none with the id {strange}."]}


@pytest.mark.parametrize("method", ["put", "patch"])
def test_what_is_left_out_of_a_correction_stays(house: House, method: str) -> None:
    changed = house.call("broker", method, "", {"loan_term": 240, "stage": "funded", "signed_by": "me"}).json()
    assert (changed["loan_term"], changed["purpose"]) == (240, "A house")
    assert (changed["stage"], changed["signed_by"]) == ("inquiry", "")
    assert len(changed["borrowers"]) == 2


def test_the_terms_of_a_closed_application_stay(house: House) -> None:
    Application.objects.update(stage="declined")
    answer = house.call("admin", "patch", "", {"loan_term": 240})
    assert (answer.status_code, "is closed" in answer.json()["detail"]) == (409, True)
    assert house.call("admin", "patch", "", {"purpose": "A boat"}).json()["purpose"] == "A boat"


def test_a_deleted_application_is_gone(house: House) -> None:
    assert house.call("broker", "delete", "").status_code == 204
    assert house.call("broker", "get", "").status_code == 404


def test_an_application_with_a_payment_is_not_deleted(house: House) -> None:
    RepaymentFactory(application=house.own, paid_date=today() - timedelta(days=1))
    answer = house.call("admin", "delete", "")
    assert (answer.status_code, "Withdraw it instead" in answer.json()["detail"]) == (409, True)
    assert Application.objects.filter(pk=house.own.pk).exists()


def test_terms_are_checked_and_explained_and_nothing_is_made(house: House) -> None:
    given = {"loan_amount": "999", "loan_term": 361, "interest_rate": "30.5", "repayment_frequency": "daily"}
    answer = house.api("client").post(f"{LIST}validate-schema/", given, format="json")
    assert answer.status_code == 200
    assert answer.json() == {
        "valid": False,
        "errors": {
            "loan_amount": ["Ensure this value is greater than or equal to 1000."],
            "loan_term": ["Ensure this value is less than or equal to 360."],
            "interest_rate": ["Ensure this value is less than or equal to 30."],
            "repayment_frequency": ['"daily" is not a valid choice.'],
        },
    }
    good = {"loan_amount": 1000, "loan_term": 360, "interest_rate": 30}
    assert house.api("client").post(f"{LIST}validate-schema/", good, format="json").json() == {
        "valid": True,
        "errors": {},
    }
    assert Application.objects.count() == 2
