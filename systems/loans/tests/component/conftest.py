"""The house of which most of these tests speak."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy

import pytest
from django.db import transaction
from pytest_django import DjangoDbBlocker

from tests.house import House, build


@pytest.fixture(scope="module")
def built_house(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[House]:
    """Built once for a module, in a transaction around those of its tests."""
    with django_db_blocker.unblock(), transaction.atomic():
        house = build()
        with django_db_blocker.block():
            yield house
        transaction.set_rollback(True)


@pytest.fixture
def house(built_house: House, db: None) -> House:
    """An application with its people, and another one with other people; whatever a test does to them is undone."""
    return deepcopy(built_house)
