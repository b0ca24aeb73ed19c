"""People look after themselves, and administrators after all."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from tests.component.users.conftest import As
from tests.factories import (
    PASSWORD,
    AccountsUserFactory,
    AdminFactory,
    BDUserFactory,
    BrokerUserFactory,
    UserFactory,
)
from users.models import User

pytestmark = [pytest.mark.component, pytest.mark.django_db]

PEOPLE, ME = "/api/users/", "/api/users/me/"


def test_people_change_their_name_and_number_and_nothing_else(as_user: As, alice: User) -> None:
    changes = {"first_name": "Al", "phone": "1", "role": "admin", "email": "x@example.com", "is_active": False}
    answer = as_user(alice).patch(ME, changes, format="json")
    assert (answer.status_code, answer.json()) == (200, as_user(alice).get(ME).json())
    stored = User.objects.get()
    assert (stored.first_name, stored.phone, stored.role, stored.email, stored.is_active) == (
        "Al",
        "1",
        "client",
        "alice@example.com",
        True,
    )


@pytest.mark.parametrize("changes", [{"first_name": "x" * 151}, {"phone": None}, {"last_name": "a\x00b"}, []])
def test_bad_details_are_refused(as_user: As, alice: User, changes: Any) -> None:
    assert as_user(alice).patch(ME, changes, format="json").status_code == 400


def test_strangers_see_nothing() -> None:
    for path in (PEOPLE, ME, f"{PEOPLE}1/", "/api/users/notifications/", "/api/users/notifications/preferences/"):
        assert APIClient().get(path).status_code == 401


@pytest.mark.parametrize("factory", [UserFactory, BDUserFactory, BrokerUserFactory, AccountsUserFactory])
def test_only_administrators_see_or_make_logins(as_user: As, alice: User, factory: Any) -> None:
    client = as_user(factory())
    assert client.get(PEOPLE).status_code == 403
    assert client.get(f"{PEOPLE}{alice.pk}/").status_code == 403
    assert client.patch(f"{PEOPLE}{alice.pk}/", {"role": "admin"}, format="json").status_code == 403
    assert client.post(PEOPLE, {"email": "x@example.com", "password": PASSWORD, "role": "admin"}).status_code == 403
    assert User.objects.get(pk=alice.pk).role == "client"


def test_an_administrator_sees_all_logins_in_pages(as_user: As, boss: User, alice: User) -> None:
    UserFactory.create_batch(3)
    answer = as_user(boss).get(PEOPLE, {"page_size": 2}).json()
    assert (answer["count"], [row["email"] for row in answer["results"]]) == (
        5,
        ["alice@example.com", "boss@example.com"],
    )


def test_an_administrator_makes_a_login(as_user: As, boss: User) -> None:
    person = {"email": "bd@example.com", "password": PASSWORD, "role": "bd", "first_name": "Dee"}
    answer = as_user(boss).post(PEOPLE, person, format="json")
    assert answer.status_code == 201
    stored = User.objects.get(pk=answer.json()["id"])
    assert (stored.role, stored.first_name, stored.check_password(PASSWORD)) == ("bd", "Dee", True)


def test_an_administrator_changes_role_and_activity(as_user: As, boss: User, alice: User) -> None:
    client = as_user(boss)
    answer = client.patch(f"{PEOPLE}{alice.pk}/", {"role": "broker", "is_active": False}, format="json")
    assert (answer.status_code, answer.json()["role"], answer.json()["is_active"]) == (200, "broker", False)
    assert as_user(alice).get(ME).status_code == 401
    assert client.patch(f"{PEOPLE}{alice.pk}/", {"is_active": True}, format="json").status_code == 200
    assert as_user(alice).get(ME).json()["role"] == "broker"


@pytest.mark.parametrize(
    "changes", [{"role": "king"}, {"role": None}, {"is_active": "perhaps"}, {"is_active": None}, {"role": ["bd"]}, []]
)
def test_changes_that_make_no_sense_are_refused(as_user: As, boss: User, alice: User, changes: Any) -> None:
    assert as_user(boss).patch(f"{PEOPLE}{alice.pk}/", changes, format="json").status_code == 400


def test_broken_rules_are_explained(as_user: As, boss: User) -> None:
    root = AdminFactory(is_superuser=True)
    own = as_user(boss).patch(f"{PEOPLE}{boss.pk}/", {"is_active": False}, format="json")
    assert (own.status_code, own.json()["detail"]) == (
        400,
        "You cannot deactivate your own login; ask another administrator.",
    )
    above = as_user(boss).patch(f"{PEOPLE}{root.pk}/", {"is_active": False}, format="json")
    assert above.status_code == 403
    assert User.objects.filter(is_active=True).count() == 2


@pytest.mark.parametrize("pk", ["999999", str(2**63), "9" * 40])
def test_a_login_that_is_not_there_is_not_found(as_user: As, boss: User, pk: str) -> None:
    assert as_user(boss).get(f"{PEOPLE}{pk}/").status_code == 404
    assert as_user(boss).patch(f"{PEOPLE}{pk}/", {}, format="json").status_code == 404


def test_nobody_is_deleted_or_replaced(as_user: As, boss: User, alice: User) -> None:
    assert as_user(boss).delete(f"{PEOPLE}{alice.pk}/").status_code == 405
    assert as_user(boss).put(f"{PEOPLE}{alice.pk}/", {}, format="json").status_code == 405
