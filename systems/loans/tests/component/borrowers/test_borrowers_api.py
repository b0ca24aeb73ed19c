"""Borrowers and guarantors over the API: each person works with those of their own applications."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from borrowers.models import Borrower, Guarantor
from tests.factories import ApplicationFactory, BorrowerFactory, GuarantorFactory, UserFactory
from tests.house import House

pytestmark = [pytest.mark.component, pytest.mark.django_db]

ADDRESS = "/api/borrowers/"
ROLES = ("admin", "bd", "broker", "client", "accounts")


@pytest.fixture
def house(house: House) -> House:
    """With a guarantor for each client."""
    for application in (house.own, house.other):
        application.guarantors.add(GuarantorFactory(borrower=application.borrowers.get(user__isnull=False)))
    return house


def statuses(api: APIClient, address: str, change: dict[str, str]) -> list[int]:
    return [
        api.get(address).status_code,
        api.put(address, change, format="json").status_code,
        api.patch(address, change, format="json").status_code,
        api.delete(address).status_code,
    ]


@pytest.mark.parametrize(
    ("role", "own", "other"),
    [
        ("admin", [200, 200, 200, 409], [200, 200, 200, 409]),
        ("bd", [200, 200, 200, 403], [404] * 4),
        ("broker", [200, 200, 200, 403], [404] * 4),
        ("client", [200, 403, 403, 403], [404] * 4),
        ("accounts", [404] * 4, [404] * 4),
    ],
)
def test_who_may_do_what_with_a_borrower(house: House, role: str, own: list[int], other: list[int]) -> None:
    api, change = house.api(role), {"last_name": "Renamed"}
    mine, strange = (app.borrowers.get(user__isnull=False) for app in (house.own, house.other))
    assert statuses(api, f"{ADDRESS}{mine.pk}/", change) == own
    assert statuses(api, f"{ADDRESS}{strange.pk}/", change) == other
    assert Borrower.objects.get(pk=mine.pk).last_name == ("Renamed" if own[1] == 200 else mine.last_name)


@pytest.mark.parametrize(
    ("role", "own", "other"),
    [
        ("admin", [200, 200, 200, 204], [200, 200, 200, 204]),
        ("bd", [200, 200, 200, 403], [404] * 4),
        ("broker", [200, 200, 200, 403], [404] * 4),
        ("client", [200, 403, 403, 403], [404] * 4),
        ("accounts", [404] * 4, [404] * 4),
    ],
)
def test_who_may_do_what_with_a_guarantor(house: House, role: str, own: list[int], other: list[int]) -> None:
    api, change = house.api(role), {"name": "Renamed"}
    mine, strange = (app.guarantors.get() for app in (house.own, house.other))
    assert statuses(api, f"{ADDRESS}guarantors/{mine.pk}/", change) == own
    assert statuses(api, f"{ADDRESS}guarantors/{strange.pk}/", change) == other


@pytest.mark.parametrize(
    ("role", "borrowers", "guarantors"),
    [("admin", 4, 2), ("bd", 2, 1), ("broker", 2, 1), ("client", 1, 1), ("accounts", 0, 0)],
)
def test_whom_a_list_shows_whom(house: House, role: str, borrowers: int, guarantors: int) -> None:
    assert house.api(role).get(ADDRESS).data["count"] == borrowers
    assert house.api(role).get(f"{ADDRESS}guarantors/").data["count"] == guarantors


@pytest.mark.parametrize(
    ("role", "status"), [("admin", 201), ("bd", 201), ("broker", 201), ("client", 403), ("accounts", 403)]
)
def test_who_may_enter_somebody_and_sees_them_from_then_on(house: House, role: str, status: int) -> None:
    api = house.api(role)
    for address, given in ((ADDRESS, {"last_name": "New"}), (f"{ADDRESS}guarantors/", {"name": "New"})):
        answer = api.post(address, given, format="json")
        assert answer.status_code == status
        if status == 201:
            assert api.get(f"{address}{answer.json()['id']}/").json()["name"] == "New"


def test_nobody_reads_without_a_login(client: Any) -> None:
    assert client.get(ADDRESS).status_code == client.get(f"{ADDRESS}guarantors/").status_code == 401


def test_only_an_administrator_connects_a_borrower_with_a_login(house: House) -> None:
    login, borrower = UserFactory(), house.own.borrowers.get(user__isnull=True)
    address = f"{ADDRESS}{borrower.pk}/"
    answer = house.api("broker").patch(address, {"user": login.pk}, format="json")
    assert (answer.status_code, "Only an administrator" in answer.json()["user"][0]) == (400, True)
    assert house.api("admin").patch(address, {"user": login.pk}, format="json").json()["user"] == login.pk
    # The same again is no change, so that a whole record can be sent back.
    assert house.api("broker").patch(address, {"user": login.pk, "phone": "1"}, format="json").json()["phone"] == "1"
    assert house.api("broker").patch(address, {"user": None}, format="json").status_code == 400
    answer = house.api("admin").patch(address, {"user": house.people["bd"].pk}, format="json")
    assert (answer.status_code, "has the role 'bd'" in answer.json()["user"][0]) == (400, True)
    assert house.api("admin").patch(address, {"user": None}, format="json").json()["user"] is None


def test_a_guarantor_is_of_a_borrower_whom_one_sees(house: House) -> None:
    strange, mine = house.other.borrowers.first(), house.own.borrowers.first()
    address = f"{ADDRESS}guarantors/"
    answer = house.api("bd").post(address, {"name": "New", "borrower": strange.pk}, format="json")
    assert (answer.status_code, list(answer.json())) == (400, ["borrower"])
    assert house.api("bd").post(address, {"name": "New", "borrower": mine.pk}, format="json").status_code == 201
    assert Guarantor.objects.get(name="New").created_by == house.people["bd"]


def test_a_list_asks_the_database_as_often_for_many_as_for_one(house: House, django_assert_num_queries: Any) -> None:
    api = house.api("bd")
    for _ in range(10):
        application = ApplicationFactory(bd=house.own.bd, borrowers=[BorrowerFactory(user=UserFactory())])
        application.guarantors.add(GuarantorFactory(borrower=BorrowerFactory()))
    for address, number in ((ADDRESS, 12), (f"{ADDRESS}guarantors/", 11)):
        with django_assert_num_queries(2):
            assert api.get(address).data["count"] == number


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("first_name", "x" * 101),
        ("last_name", "\x00"),
        ("company_name", []),
        ("email", "nobody"),
        ("email", {}),
        ("date_of_birth", "31.12.1990"),
        ("date_of_birth", "0001-01-01"),
        ("annual_income", -1),
        ("annual_income", "1e400"),
        ("annual_income", 10**30),
        ("user", 10**30),
        ("user", [1]),
    ],
)
def test_a_wrong_field_is_explained(house: House, field: str, value: Any) -> None:
    answer = house.api("admin").post(ADDRESS, {"last_name": "New", field: value}, format="json")
    assert (answer.status_code, list(answer.json())) == (400, [field])


@pytest.mark.parametrize("given", [{}, {"first_name": "", "last_name": " "}])
def test_a_borrower_has_a_name(house: House, given: dict[str, str]) -> None:
    answer = house.api("admin").post(ADDRESS, given, format="json")
    assert answer.json() == {"last_name": ["Give the name of a person or of a company."]}
    mine = house.own.borrowers.first()
    nameless = {"first_name": "", "last_name": "", "company_name": ""}
    assert house.api("admin").patch(f"{ADDRESS}{mine.pk}/", nameless, format="json").status_code == 400


@pytest.mark.parametrize("given", [[], "text", 5, None, [{"last_name": "New"}]])
@pytest.mark.parametrize("path", ["", "guarantors/"])
def test_what_has_no_fields_is_refused(house: House, path: str, given: Any) -> None:
    assert house.api("admin").post(ADDRESS + path, given, format="json").status_code == 400


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("pk", [0, 10**30])
def test_what_is_not_there_is_not_found(house: House, role: str, pk: int) -> None:
    assert house.api(role).get(f"{ADDRESS}{pk}/").status_code == 404
    assert house.api(role).delete(f"{ADDRESS}guarantors/{pk}/").status_code == 404
