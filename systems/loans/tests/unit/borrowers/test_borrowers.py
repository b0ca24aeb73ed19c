"""Borrowers: how they are called and reached, who sees them, and when they can go."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser

from borrowers.models import Borrower
from borrowers.selectors import visible_borrowers, visible_guarantors
from borrowers.services import borrower_of, delete_borrower
from core.errors import Conflict
from tests.factories import (
    AccountsUserFactory,
    AdminFactory,
    ApplicationFactory,
    BDUserFactory,
    BorrowerFactory,
    BrokerUserFactory,
    GuarantorFactory,
    UserFactory,
)

pytestmark = [pytest.mark.unit, pytest.mark.django_db]


@pytest.mark.parametrize(
    ("names", "shown"),
    [
        ({"first_name": "Bo", "last_name": "Rower"}, "Bo Rower"),
        ({"first_name": "", "last_name": "Rower"}, "Rower"),
        ({"first_name": "Bo", "last_name": "Rower", "company_name": "Acme"}, "Acme"),
    ],
)
def test_a_borrower_is_called_by_name_or_company(names: dict[str, str], shown: str) -> None:
    assert str(BorrowerFactory(**names)) == shown


def test_a_borrower_without_a_name_has_a_number() -> None:
    borrower = BorrowerFactory(first_name="", last_name="")
    assert borrower.name == f"borrower {borrower.pk}"


@pytest.mark.parametrize(
    ("login", "active", "email", "reached"),
    [
        ("login@example.com", True, "file@example.com", "login@example.com"),
        ("login@example.com", False, "file@example.com", "file@example.com"),
        ("login@example.com", False, "", ""),
        (None, True, "file@example.com", "file@example.com"),
        (None, True, "", ""),
    ],
)
def test_mail_goes_to_the_login_or_else_to_the_address_on_file(
    login: str | None, active: bool, email: str, reached: str
) -> None:
    user = UserFactory(email=login, is_active=active) if login else None
    assert BorrowerFactory(user=user, email=email).mail_address == reached


@pytest.fixture
def borrower() -> Borrower:
    """In two applications of the same people; beside it another one, of others."""
    ApplicationFactory(borrowers=[BorrowerFactory(user=UserFactory())])
    made = BorrowerFactory(user=UserFactory(), created_by=None)
    first = ApplicationFactory(borrowers=[made])
    ApplicationFactory(borrowers=[made], bd=first.bd, broker=first.broker)
    return made


@pytest.mark.parametrize("role", ["bd", "broker", "client"])
def test_one_sees_those_of_ones_applications_each_once(borrower: Borrower, role: str) -> None:
    application = borrower.applications.first()
    user = {"bd": application.bd.user, "broker": application.broker.user, "client": borrower.user}[role]
    assert list(visible_borrowers(user)) == [borrower]


@pytest.mark.parametrize("factory", [BDUserFactory, BrokerUserFactory])
def test_one_sees_those_one_entered(factory: Any) -> None:
    user = factory()
    BorrowerFactory()
    mine = BorrowerFactory(created_by=user)
    assert list(visible_borrowers(user)) == [mine]


def test_strangers_accounts_and_nobody_see_none(borrower: Borrower) -> None:
    for user in (BDUserFactory(), BrokerUserFactory(), UserFactory(), AccountsUserFactory(), AnonymousUser()):
        assert list(visible_borrowers(user)) == []
        assert list(visible_guarantors(user)) == []


def test_an_administrator_sees_all(borrower: Borrower) -> None:
    assert visible_borrowers(AdminFactory()).count() == 2


def test_guarantors_are_seen_as_borrowers_are(borrower: Borrower) -> None:
    application, other = borrower.applications.first(), GuarantorFactory()
    of_application, of_borrower = GuarantorFactory(), GuarantorFactory(borrower=borrower)
    application.guarantors.add(of_application)
    bd = application.bd.user
    entered = GuarantorFactory(created_by=bd)
    assert set(visible_guarantors(bd)) == {of_application, entered}
    assert list(visible_guarantors(application.broker.user)) == [of_application]
    assert list(visible_guarantors(borrower.user)) == [of_borrower]
    assert other in visible_guarantors(AdminFactory())


def test_a_client_has_one_entry_however_often_it_is_asked_for() -> None:
    user = UserFactory(first_name="x" * 150, last_name="Ent")
    assert borrower_of(user) == borrower_of(user)
    assert (Borrower.objects.get().first_name, Borrower.objects.get().user) == ("x" * 100, user)


def test_a_borrower_whom_an_application_needs_stays(borrower: Borrower) -> None:
    first = borrower.applications.order_by("pk").first()
    with pytest.raises(Conflict, match=f"belongs to {first}; remove the borrower from it first"):
        delete_borrower(borrower)
    borrower.applications.clear()
    delete_borrower(borrower)
    assert not Borrower.objects.filter(pk=borrower.pk).exists()
