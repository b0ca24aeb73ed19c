"""The house of which most of these tests speak, and its office."""

from __future__ import annotations

import pytest
from django.test import Client

from tests.factories import AdminFactory
from tests.house import House, build


@pytest.fixture
def house(db: None) -> House:
    """An application with its people, and another one with other people."""
    return build()


@pytest.fixture
def office(house: House) -> Client:
    """The admin, as its administrator."""
    client = Client()
    client.force_login(AdminFactory(is_superuser=True))
    return client
