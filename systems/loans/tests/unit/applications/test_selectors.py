"""Which applications a person may see, and which a list shows."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from applications.models import Application
from applications.selectors import listed, scope_of, stuck_since, visible_applications
from core.clock import now
from documents.models import Fee
from tests.factories import (
    AccountsUserFactory,
    AdminFactory,
    ApplicationFactory,
    BDUserFactory,
    BorrowerFactory,
    BrokerUserFactory,
    FeeFactory,
    UserFactory,
)
from users.models import User

pytestmark = [pytest.mark.unit, pytest.mark.django_db]


@pytest.fixture
def application() -> Application:
    """One with all its people; and beside it another one with other people."""
    ApplicationFactory(borrowers=[BorrowerFactory(user=UserFactory())])
    return ApplicationFactory(borrowers=[BorrowerFactory(user=UserFactory()), BorrowerFactory()])


def test_an_administrator_sees_all(application: Application) -> None:
    assert visible_applications(AdminFactory()).count() == 2
    assert visible_applications(UserFactory(is_superuser=True)).count() == 2


@pytest.mark.parametrize("role", ["bd", "broker", "client"])
def test_each_of_its_people_sees_it_and_no_other(application: Application, role: str) -> None:
    person = {
        "bd": application.bd.user,
        "broker": application.broker.user,
        "client": application.borrowers.first().user,
    }[role]
    assert list(visible_applications(person)) == [application]


@pytest.mark.parametrize("factory", [BDUserFactory, BrokerUserFactory, UserFactory, AccountsUserFactory])
def test_strangers_and_accounts_see_none(application: Application, factory: Any) -> None:
    assert list(visible_applications(factory())) == []


def test_a_role_from_elsewhere_sees_none(application: Application) -> None:
    assert list(visible_applications(UserFactory(role="super_user"))) == []


@pytest.mark.parametrize("role", ["broker", "client", "accounts"])
def test_a_manager_who_changed_role_sees_nothing_by_the_old_one(application: Application, role: str) -> None:
    User.objects.filter(pk=application.bd.user_id).update(role=role)
    assert list(visible_applications(User.objects.get(pk=application.bd.user_id))) == []


def test_the_scope_reaches_through_to_what_belongs_to_applications(application: Application) -> None:
    fee = FeeFactory(application=application)
    FeeFactory()
    assert list(Fee.objects.filter(scope_of(application.bd.user, "application__"))) == [fee]
    assert list(Fee.objects.filter(scope_of(AccountsUserFactory(), "application__"))) == []


def test_one_who_borrows_twice_in_an_application_sees_it_once() -> None:
    client = UserFactory()
    mine = ApplicationFactory(borrowers=[BorrowerFactory(user=client), BorrowerFactory()])
    assert list(visible_applications(client)) == [mine]


def test_a_list_is_narrowed_by_stage_broker_and_manager(application: Application) -> None:
    admin = AdminFactory()
    Application.objects.filter(pk=application.pk).update(stage="valuation")
    assert list(listed(admin, stage="valuation")) == [application]
    assert list(listed(admin, stage="valuation", bd=application.bd_id, broker=application.broker_id)) == [application]
    assert list(listed(admin, stage="inquiry", bd=application.bd_id)) == []


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("jane", True),
        ("JANE doe", True),
        ("Acme", True),
        ("boat", True),
        ("boat doe", True),
        ("", True),
        ("jane smith", False),
        ("50%", False),
    ],
)
def test_a_search_finds_what_has_all_its_words(words: str, found: bool) -> None:
    people = [BorrowerFactory(first_name="Jane", last_name="Doe"), BorrowerFactory(company_name="Acme Pty Ltd")]
    application = ApplicationFactory(purpose="A boat", borrowers=people)
    assert list(listed(AdminFactory(), search=words)) == ([application] if found else [])


def test_a_search_finds_a_part_of_the_reference(application: Application) -> None:
    part = application.reference_number[4:].lower()
    assert list(listed(AdminFactory(), search=part)) == [application]


def test_a_search_does_not_reach_beyond_what_one_may_see(application: Application) -> None:
    assert list(listed(BDUserFactory(), search=application.reference_number)) == []


def test_stuck_are_the_open_ones_whose_stage_is_old_whatever_else_was_edited() -> None:
    line = now() - timedelta(days=14)
    old = ApplicationFactory(stage_last_updated=line)
    ApplicationFactory(stage_last_updated=line + timedelta(seconds=1))
    ApplicationFactory(stage_last_updated=line, stage="funded")
    never_moved, young = ApplicationFactory(), ApplicationFactory()
    Application.objects.filter(pk=never_moved.pk).update(created_at=line)
    assert set(stuck_since(line)) == {old, never_moved}
    assert young.in_stage_since == young.created_at
