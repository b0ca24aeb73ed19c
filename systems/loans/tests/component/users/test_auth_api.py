"""Getting in: register, log in, refresh; and who does not get in."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from rest_framework.test import APIClient
from rest_framework_simplejwt.tokens import AccessToken, RefreshToken

from tests.factories import PASSWORD, UserFactory
from users.models import Role, User

pytestmark = [pytest.mark.component, pytest.mark.django_db]

LOGIN, REFRESH, REGISTER = (f"/api/users/auth/{name}/" for name in ("login", "refresh", "register"))
ME = "/api/users/me/"


@pytest.fixture
def api() -> APIClient:
    return APIClient()


def me(token: str) -> Any:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
    return client.get(ME)


def test_whoever_registers_can_log_in_refresh_and_see_themselves(api: APIClient) -> None:
    person = {"email": "New@Example.com", "password": PASSWORD, "first_name": "Nia", "role": "admin", "is_staff": True}
    made = api.post(REGISTER, person, format="json")
    assert made.status_code == 201
    assert (made.json()["email"], made.json()["role"], made.json()["is_active"]) == ("new@example.com", "client", True)
    assert "password" not in made.json()
    tokens = api.post(LOGIN, {"email": "NEW@example.com", "password": PASSWORD}).json()
    assert set(tokens) == {"access", "refresh"}
    assert me(tokens["access"]).json() == made.json()
    again = api.post(REFRESH, {"refresh": tokens["refresh"]}).json()
    assert me(again["access"]).json()["first_name"] == "Nia"
    assert User.objects.get().role == Role.CLIENT


@pytest.mark.parametrize(
    ("person", "field"),
    [
        ({}, "email"),
        ({"email": "x@example.com"}, "password"),
        ({"email": "nonsense", "password": PASSWORD}, "email"),
        ({"email": "x@example.com\x00", "password": PASSWORD}, "email"),
        ({"email": "x" * 250 + "@example.com", "password": PASSWORD}, "email"),
        ({"email": ["x@example.com"], "password": PASSWORD}, "email"),
        ({"email": "x@example.com", "password": "short"}, "password"),
        ({"email": "x@example.com", "password": "p\x00" + PASSWORD}, "password"),
        ({"email": "x@example.com", "password": "x" * 129}, "password"),
        ({"email": "x@example.com", "password": PASSWORD, "first_name": "x" * 200}, "first_name"),
        ({"email": "x@example.com", "password": PASSWORD, "phone": {"a": 1}}, "phone"),
        ([], "non_field_errors"),
    ],
)
def test_what_is_wrong_with_a_registration_is_said(api: APIClient, person: Any, field: str) -> None:
    answer = api.post(REGISTER, person, format="json")
    assert (answer.status_code, field in answer.json()) == (400, True)
    assert User.objects.count() == 0


def test_a_second_login_with_the_same_address_is_a_conflict(api: APIClient) -> None:
    UserFactory(email="taken@example.com")
    answer = api.post(REGISTER, {"email": "Taken@example.com", "password": PASSWORD})
    assert answer.status_code == 409
    assert answer.json() == {"detail": "There is a login with the address taken@example.com already."}


@pytest.mark.parametrize("active", [True, False])
def test_a_wrong_password_and_a_deactivated_login_get_the_same_answer(api: APIClient, active: bool) -> None:
    UserFactory(email="alice@example.com", is_active=active)
    password = "wrong" if active else PASSWORD
    answer = api.post(LOGIN, {"email": "alice@example.com", "password": password})
    assert answer.status_code == 401
    assert answer.json() == {"detail": "No active login has this address and password."}


@pytest.mark.parametrize(
    "login", [{}, {"email": "x"}, {"email": None, "password": 1}, [], {"email": 5, "password": "x"}]
)
def test_a_login_that_makes_no_sense_is_a_bad_request(api: APIClient, login: Any) -> None:
    assert api.post(LOGIN, login, format="json").status_code == 400


def test_only_a_refresh_token_refreshes(api: APIClient) -> None:
    user = UserFactory()
    for wrong in (str(AccessToken.for_user(user)), "nonsense", "a.b.c"):
        assert api.post(REFRESH, {"refresh": wrong}).status_code == 401
    assert api.post(REFRESH, {}).status_code == 400


def test_only_an_access_token_gives_access() -> None:
    user = UserFactory()
    old = AccessToken.for_user(user)
    old.set_exp(lifetime=-timedelta(seconds=1))
    for wrong in (str(RefreshToken.for_user(user)), str(old), "nonsense"):
        assert me(wrong).status_code == 401
    assert me(str(AccessToken.for_user(user))).status_code == 200


def test_whoever_was_deactivated_or_deleted_gets_no_access_and_no_new_token(api: APIClient) -> None:
    user = UserFactory()
    tokens = RefreshToken.for_user(user)
    User.objects.filter(pk=user.pk).update(is_active=False)
    assert me(str(tokens.access_token)).status_code == 401
    assert api.post(REFRESH, {"refresh": str(tokens)}).status_code == 401
    user.delete()
    assert me(str(tokens.access_token)).status_code == 401
    assert api.post(REFRESH, {"refresh": str(tokens)}).status_code == 401


def test_passwords_are_tried_at_a_limited_rate(api: APIClient, settings: Any) -> None:
    settings.LOGIN_RATE = "3/min"
    cache.clear()
    wrong = {"email": "alice@example.com", "password": "wrong"}
    assert [api.post(LOGIN, wrong).status_code for _ in range(4)] == [401, 401, 401, 429]
    assert api.post(REGISTER, {}).status_code == 429
    cache.clear()


def test_without_the_setting_there_is_no_limit(api: APIClient, settings: Any) -> None:
    settings.LOGIN_RATE = None
    assert [api.post(LOGIN, {}).status_code for _ in range(30)] == [400] * 30
