"""The directory over the API: the office reads it, administrators keep it."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from brokers.models import BDM, Branch, Broker
from tests.factories import (
    AccountsUserFactory,
    AdminFactory,
    BDMFactory,
    BDUserFactory,
    BranchFactory,
    BrokerFactory,
    BrokerUserFactory,
    UserFactory,
)

pytestmark = [pytest.mark.component, pytest.mark.django_db]

FACTORIES = {"branches": BranchFactory, "bdms": BDMFactory, "brokers": BrokerFactory}
MODELS = {"branches": Branch, "bdms": BDM, "brokers": Broker}
USERS = {
    "admin": AdminFactory,
    "bd": BDUserFactory,
    "broker": BrokerUserFactory,
    "accounts": AccountsUserFactory,
    "client": UserFactory,
}


def api(role: str) -> APIClient:
    client = APIClient()
    client.force_authenticate(USERS[role]())
    return client


@pytest.mark.parametrize("kind", FACTORIES)
@pytest.mark.parametrize("role", USERS)
def test_who_may_read_and_who_may_write(kind: str, role: str) -> None:
    row = FACTORIES[kind]()
    reads, writes = (200, role == "admin") if role != "client" else (403, False)
    client, address = api(role), f"/api/brokers/{kind}/"
    assert client.get(address).status_code == reads
    assert client.get(f"{address}{row.pk}/").status_code == reads
    assert client.post(address, {"name": "New"}, format="json").status_code == (201 if writes else 403)
    assert client.put(f"{address}{row.pk}/", {"name": "Renamed"}, format="json").status_code == (200 if writes else 403)
    assert client.patch(f"{address}{row.pk}/", {"phone": "1"}, format="json").status_code == (200 if writes else 403)
    assert client.delete(f"{address}{row.pk}/").status_code == (204 if writes else 403)
    assert MODELS[kind].objects.filter(name="New").exists() == writes


@pytest.mark.parametrize("kind", FACTORIES)
def test_nobody_reads_without_a_login(client: Any, kind: str) -> None:
    assert client.get(f"/api/brokers/{kind}/").status_code == 401


def test_an_entry_remembers_who_made_it() -> None:
    admin = AdminFactory()
    client = APIClient()
    client.force_authenticate(admin)
    bdm, branch, user = BDMFactory(), BranchFactory(), BrokerUserFactory()
    given = {"name": "Bea", "company": "Bea & Co", "user": user.pk, "branch": branch.pk, "bdms": [bdm.pk]}
    answer = client.post("/api/brokers/brokers/", given, format="json")
    assert answer.status_code == 201
    assert {name: answer.json()[name] for name in given} == given
    assert Broker.objects.get(pk=answer.json()["id"]).created_by == admin


@pytest.mark.parametrize(("kind", "statements"), [("branches", 2), ("bdms", 2), ("brokers", 3)])
def test_a_list_asks_the_database_as_often_for_many_as_for_one(
    kind: str, statements: int, django_assert_num_queries: Any
) -> None:
    client, one = api("admin"), BDMFactory() if kind == "brokers" else None
    for number in (1, 9):
        rows = FACTORIES[kind].create_batch(number)
        if one is not None:
            one.brokers.add(*rows)
        with django_assert_num_queries(statements):
            assert client.get(f"/api/brokers/{kind}/").data["count"] == (1 if number == 1 else 10)


@pytest.mark.parametrize(("kind", "role"), [("brokers", "bd"), ("bdms", "broker"), ("brokers", "client")])
def test_a_login_of_another_kind_is_refused(kind: str, role: str) -> None:
    given = {"name": "Bea", "user": USERS[role]().pk}
    answer = api("admin").post(f"/api/brokers/{kind}/", given, format="json")
    assert (answer.status_code, f"has the role '{role}'" in answer.json()["user"][0]) == (400, True)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", None),
        ("name", "x" * 256),
        ("name", "\x00"),
        ("name", []),
        ("email", "nobody"),
        ("phone", "1" * 41),
        ("user", 10**30),
        ("user", "me"),
        ("user", [1]),
        ("user", True),
        ("branch", 10**15),
        ("branch", 1.5),
        ("branch", {}),
        ("bdms", 1),
        ("bdms", [[1]]),
        ("bdms", [10**30]),
        ("bdms", None),
    ],
)
def test_a_wrong_field_is_explained(field: str, value: Any) -> None:
    answer = api("admin").post("/api/brokers/brokers/", {"name": "Bea", field: value}, format="json")
    assert (answer.status_code, list(answer.json())) == (400, [field])
    assert Broker.objects.count() == 0


def test_a_login_is_not_given_to_two() -> None:
    taken = BrokerFactory()
    answer = api("admin").post("/api/brokers/brokers/", {"name": "Bea", "user": taken.user_id}, format="json")
    assert (answer.status_code, list(answer.json())) == (400, ["user"])


@pytest.mark.parametrize("given", [[], "text", 5, None, [{"name": "Bea"}]])
def test_what_has_no_fields_is_refused(given: Any) -> None:
    assert api("admin").post("/api/brokers/branches/", given, format="json").status_code == 400


@pytest.mark.parametrize("pk", [0, 10**30])
def test_what_is_not_there_is_not_found(pk: int) -> None:
    assert api("admin").get(f"/api/brokers/branches/{pk}/").status_code == 404
