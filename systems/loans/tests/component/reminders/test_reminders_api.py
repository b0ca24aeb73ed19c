"""Reminders over the API: one's own, with input that is explained when it makes no sense."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from rest_framework.test import APIClient

from core.clock import now
from reminders.models import Reminder
from tests.factories import UserFactory
from tests.house import House

pytestmark = [pytest.mark.component, pytest.mark.django_db]

ADDRESS = "/api/reminders/"
OFFICE = ["admin", "bd", "broker", "accounts"]


def body(**values: Any) -> dict[str, Any]:
    plain = {
        "recipient_email": "ann@example.com",
        "send_datetime": (now() + timedelta(days=1)).isoformat(),
        "subject": "Hello",
        "email_body": "Hi.",
    }
    return {**plain, **values}


def post(house: House, role: str, **values: Any) -> Any:
    return house.api(role).post(ADDRESS, body(**values), format="json")


@pytest.mark.parametrize("role", OFFICE)
def test_the_office_writes_reads_changes_and_takes_back(house: House, role: str) -> None:
    made = post(house, role)
    assert made.status_code == 201
    assert (made.data["status"], made.data["created_by"]) == ("waiting", house.people[role].pk)
    one = f"{ADDRESS}{made.data['id']}/"
    api = house.api(role)
    assert api.get(one).data == made.data
    assert api.patch(one, {"subject": "Good day"}, format="json").data["subject"] == "Good day"
    assert api.put(one, body(subject="Again"), format="json").data["subject"] == "Again"
    assert api.delete(one).status_code == 204
    assert api.get(one).status_code == 404


def test_clients_have_none(house: House) -> None:
    made = post(house, "admin").data["id"]
    api = house.api("client")
    assert api.get(ADDRESS).status_code == 403
    assert post(house, "client").status_code == 403
    for method in ("get", "put", "patch", "delete"):
        assert getattr(api, method)(f"{ADDRESS}{made}/").status_code == 403
    assert Reminder.objects.count() == 1


def test_nobody_has_any_without_a_login(house: House) -> None:
    assert APIClient().get(ADDRESS).status_code == 401
    assert APIClient().post(ADDRESS, body(), format="json").status_code == 401


@pytest.mark.parametrize(("role", "sees"), [("admin", 4), ("bd", 1), ("broker", 1), ("accounts", 1)])
def test_everybody_sees_their_own_and_the_administrator_all(house: House, role: str, sees: int) -> None:
    ids = {writer: post(house, writer).data["id"] for writer in OFFICE}
    assert house.api(role).get(ADDRESS).data["count"] == sees
    for writer, pk in ids.items():
        visible = role in ("admin", writer)
        for method, status in (("get", 200), ("patch", 200)):
            answer = getattr(house.api(role), method)(f"{ADDRESS}{pk}/", format="json")
            assert answer.status_code == (status if visible else 404)
    assert house.api(role).delete(f"{ADDRESS}{ids['broker']}/").status_code == (
        204 if role in ("admin", "broker") else 404
    )


@pytest.mark.parametrize(("kind", "whom"), [("bd", "bd"), ("broker", "broker"), ("client", "client")])
def test_the_recipient_is_looked_up(house: House, kind: str, whom: str) -> None:
    borrower = house.own.borrowers.get(user__isnull=False).pk
    made = post(
        house,
        "bd",
        recipient_type=kind,
        related_application=house.own.pk,
        related_borrower=borrower,
        recipient_email="",
    )
    assert made.status_code == 201
    assert made.data["recipient_email"] == house.people[whom].email


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"recipient_email": "nobody"}, "recipient_email"),
        ({"recipient_email": f"{'a' * 250}@example.com"}, "recipient_email"),
        ({"recipient_type": "everybody"}, "recipient_type"),
        ({"send_datetime": "soon"}, "send_datetime"),
        ({"send_datetime": "2026-02-30T10:00"}, "send_datetime"),
        ({"send_datetime": "9999-12-31T23:59:59-12:00"}, "send_datetime"),
        ({"send_datetime": "0001-01-01T00:00:00+12:00"}, "send_datetime"),
        ({"send_datetime": None}, "send_datetime"),
        ({"send_datetime": {"year": 2026}}, "send_datetime"),
        ({"subject": ""}, "subject"),
        ({"subject": "x" * 256}, "subject"),
        ({"subject": "nul\x00"}, "subject"),
        ({"subject": ["a"]}, "subject"),
        ({"email_body": None}, "email_body"),
        ({"related_application": 10**30}, "related_application"),
        ({"related_application": True}, "related_application"),
        ({"related_application": "x"}, "related_application"),
        ({"related_borrower": -1}, "related_borrower"),
        ({"related_borrower": {}}, "related_borrower"),
        ({"send_as_user": 10**30}, "send_as_user"),
        ({"reply_to_user": "me"}, "reply_to_user"),
    ],
)
def test_input_that_makes_no_sense_is_explained(house: House, values: dict[str, Any], field: str) -> None:
    answer = post(house, "admin", **values)
    assert answer.status_code == 400
    assert list(answer.data) == [field]
    assert Reminder.objects.count() == 0


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ({"recipient_email": ""}, "no e-mail address"),
        ({"send_datetime": "2020-01-01T10:00:00Z"}, "in the future"),
        ({"send_datetime": "2199-12-30T10:00:00Z"}, "in the future"),
        ({"subject": "two\nlines"}, "one line"),
        ({"recipient_type": "bd"}, "Name an application"),
        ({"recipient_type": "client"}, "which borrower"),
    ],
)
def test_what_the_rules_do_not_allow_is_explained(house: House, values: dict[str, Any], complaint: str) -> None:
    answer = post(house, "admin", **values)
    assert answer.status_code == 400
    assert complaint in answer.data["detail"]


@pytest.mark.parametrize("data", ["[]", "null", '"text"', "{", "1"])
def test_a_body_that_is_no_object_is_explained(house: House, data: str) -> None:
    answer = house.api("admin").post(ADDRESS, data, content_type="application/json")
    assert answer.status_code == 400


def test_what_one_may_not_see_cannot_be_named(house: House) -> None:
    other = house.other
    for role in ("bd", "broker", "accounts"):
        assert list(post(house, role, related_application=other.pk).data) == ["related_application"]
        assert list(post(house, role, related_borrower=other.borrowers.first().pk).data) == ["related_borrower"]
    assert post(house, "admin", related_application=other.pk).status_code == 201


@pytest.mark.parametrize("name", ["send_as_user", "reply_to_user"])
def test_nobody_but_an_administrator_writes_as_somebody_else(house: House, name: str) -> None:
    broker = house.people["broker"].pk
    assert post(house, "broker", **{name: broker}).status_code == 201
    assert post(house, "admin", **{name: broker}).status_code == 201
    assert post(house, "bd", **{name: broker}).status_code == 403
    assert post(house, "admin", **{name: UserFactory().pk}).status_code == 400


def test_what_cannot_be_set_is_not_set(house: House) -> None:
    made = post(house, "bd", is_sent=True, status="sent", attempts=9, created_by=house.people["admin"].pk)
    assert (made.data["status"], made.data["attempts"]) == ("waiting", 0)
    assert made.data["created_by"] == house.people["bd"].pk


def test_what_was_sent_stays_and_is_not_changed(house: House) -> None:
    one = f"{ADDRESS}{post(house, 'bd').data['id']}/"
    Reminder.objects.update(is_sent=True)
    api = house.api("bd")
    assert api.patch(one, {"subject": "Other"}, format="json").status_code == 409
    assert api.delete(one).status_code == 409
    assert api.get(one).data["status"] == "sent"


def test_the_list_can_be_of_one_status(house: House) -> None:
    ids = [post(house, "bd").data["id"] for _ in range(3)]
    Reminder.objects.filter(pk=ids[0]).update(is_sent=True)
    Reminder.objects.filter(pk=ids[1]).update(given_up=True)
    found = {
        status: [row["id"] for row in house.api("bd").get(ADDRESS, {"status": status}).data["results"]]
        for status in ("sent", "given_up", "open")
    }
    assert found == {"sent": [ids[0]], "given_up": [ids[1]], "open": [ids[2]]}
    assert house.api("bd").get(ADDRESS, {"status": "lost"}).status_code == 400


@pytest.mark.parametrize("path", ["0/", "99999999999999999999999/", "mine/", "-1/"])
def test_an_unknown_reminder_is_not_found(house: House, path: str) -> None:
    assert house.api("admin").get(f"{ADDRESS}{path}").status_code == 404
