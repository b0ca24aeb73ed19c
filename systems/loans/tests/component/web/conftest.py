"""A browser without JavaScript for each person of the house, and the parts that HTMX asks for."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client

from tests.house import House

Browser = Callable[[str], Client]

#: What HTMX sends along.
HTMX = {"HX-Request": "true"}

#: Who may not change what, and how that is answered: role, whether it is their own, status.
OTHERS = [("bd", False, 404), ("broker", True, 403), ("broker", False, 404), ("accounts", True, 404)]


@pytest.fixture
def browser(house: House) -> Browser:
    """A browser in which somebody of that role is logged in. It sends no CSRF tokens, and needs none."""

    def of(role: str) -> Client:
        client = Client()
        client.force_login(house.people[role])
        return client

    return of
