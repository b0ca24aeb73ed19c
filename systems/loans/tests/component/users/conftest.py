"""People who use the API, with real tokens."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from rest_framework.test import APIClient
from rest_framework_simplejwt.tokens import AccessToken

from tests.factories import AdminFactory, UserFactory
from users.models import User

As = Callable[[User], APIClient]


@pytest.fixture
def as_user() -> As:
    def client_of(user: User) -> APIClient:
        client = APIClient()
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {AccessToken.for_user(user)}")
        return client

    return client_of


@pytest.fixture
def alice(db: None) -> User:
    return UserFactory(email="alice@example.com")


@pytest.fixture
def boss(db: None) -> User:
    return AdminFactory(email="boss@example.com")
