"""The entry of a person in the directory."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, transaction

from brokers.models import BDM, Branch, Broker
from brokers.services import bdm_of, broker_of
from tests.factories import BDMFactory, BDUserFactory, BranchFactory, BrokerFactory, BrokerUserFactory

pytestmark = [pytest.mark.unit, pytest.mark.django_db]


def test_a_broker_is_found_by_their_login() -> None:
    broker = BrokerFactory()
    BrokerFactory()
    assert broker_of(broker.user) == broker


def test_a_manager_is_found_by_their_login() -> None:
    bdm = BDMFactory()
    BDMFactory()
    assert bdm_of(bdm.user) == bdm


def test_who_is_not_entered_is_entered_once_with_name_and_address() -> None:
    user = BrokerUserFactory(first_name="Bea", last_name="Roker", email="bea@example.com")
    entry = broker_of(user)
    assert (entry.name, entry.email, entry.user) == ("Bea Roker", "bea@example.com", user)
    assert broker_of(user) == entry
    nameless = BDUserFactory(first_name="", last_name="", email="bd@example.com")
    assert bdm_of(nameless).name == "bd@example.com"
    assert (Broker.objects.count(), BDM.objects.count()) == (1, 1)


def test_a_login_belongs_to_one_entry() -> None:
    broker = BrokerFactory()
    with pytest.raises(IntegrityError, match=r"UNIQUE|duplicate key"), transaction.atomic():
        BrokerFactory(user=broker.user)


def test_who_leaves_a_branch_behind_stays() -> None:
    branch = BranchFactory(name="Sydney")
    bdm = BDMFactory(branch=branch)
    assert str(branch) == "Sydney"
    Branch.objects.all().delete()
    assert BDM.objects.get(pk=bdm.pk).branch is None
