"""The office of the house."""

from __future__ import annotations

import pytest
from django.test import Client

from tests.factories import AdminFactory
from tests.house import House


@pytest.fixture
def office(house: House) -> Client:
    """The admin, as its administrator."""
    client = Client()
    client.force_login(AdminFactory(is_superuser=True))
    return client
