"""What no view answers says so, to people and to callers of the API, with a login or without."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest
from django.test import Client

from tests.factories import AdminFactory

pytestmark = [pytest.mark.component, pytest.mark.django_db]


@pytest.fixture(params=["nobody", "admin"])
def visitor(request: pytest.FixtureRequest, client: Client) -> Client:
    if request.param == "admin":
        client.force_login(AdminFactory())
    return client


@pytest.mark.parametrize("path", ["/nowhere", "/applications/x/", "/a/b/c"])
def test_a_page_that_is_nowhere(visitor: Client, path: str) -> None:
    answer = visitor.get(path)
    assert (answer.status_code, answer["Content-Type"]) == (404, "text/html; charset=utf-8")
    assert "There is nothing here" in answer.content.decode()


@pytest.mark.parametrize("path", ["/api/nowhere/", "/api/documents/fees/abc/", "/api/applications/0x1/"])
def test_an_endpoint_that_is_nowhere(visitor: Client, path: str) -> None:
    answer = visitor.get(path)
    assert (answer.status_code, answer.json()) == (404, {"detail": "Not found."})


MANY_FIELDS = {f"field{number}": "" for number in range(1001)}


@pytest.mark.parametrize("much", [MANY_FIELDS, {"purpose": "x" * 3_000_000}])
def test_an_endpoint_that_is_sent_too_much(client: Client, much: dict[str, str]) -> None:
    client.force_login(AdminFactory())
    answer = client.post("/api/applications/", urlencode(much), content_type="application/x-www-form-urlencoded")
    assert answer.status_code == 413
    assert answer.json() == {"detail": "The request is too large, or has too many fields; send less."}


def test_an_endpoint_at_another_host(client: Client) -> None:
    answer = client.get("/api/users/me/", headers={"host": "elsewhere.example"})
    assert (answer.status_code, answer.json()) == (400, {"detail": "The request cannot be read."})


def test_a_page_that_is_sent_too_much(visitor: Client) -> None:
    answer = visitor.post("/login/", MANY_FIELDS)
    assert (answer.status_code, answer["Content-Type"]) == (400, "text/html; charset=utf-8")


def test_an_endpoint_that_failed_says_so_in_json(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    from users.api.notifications import notices

    client.force_login(AdminFactory())
    client.raise_request_exception = False
    monkeypatch.setattr(notices, "unread_count", lambda user: 1 / 0)
    answer = client.get("/api/users/notifications/unread_count/")
    assert (answer.status_code, list(answer.json())) == (500, ["detail"])
