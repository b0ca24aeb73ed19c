"""Logins: who makes them, who changes them, and what nobody may do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.core.exceptions import ValidationError

from core.errors import Conflict, NotPermitted, NotPossible
from tests.factories import PASSWORD, AdminFactory, BDUserFactory, UserFactory
from users import services
from users.models import NotificationPreference, Role, User

pytestmark = [pytest.mark.unit, pytest.mark.django_db]


@pytest.fixture
def admin() -> User:
    return AdminFactory(email="admin@example.com")


@pytest.fixture
def root() -> User:
    return AdminFactory(email="root@example.com", is_superuser=True)


@pytest.fixture
def alice() -> User:
    return UserFactory(email="alice@example.com")


def test_whoever_registers_is_an_active_client() -> None:
    user = services.register(email="New@Example.com", password=PASSWORD, first_name="Nia", phone="0400 000 000")
    user.refresh_from_db()
    assert (user.email, user.role, user.is_active, user.is_staff) == ("new@example.com", Role.CLIENT, True, False)
    assert (user.first_name, user.phone, user.check_password(PASSWORD)) == ("Nia", "0400 000 000", True)


def test_nobody_registers_as_something_else() -> None:
    user = services.register(email="new@example.com", password=PASSWORD, role="admin", is_superuser=True)  # type: ignore[arg-type]
    assert (user.role, user.is_superuser) == (Role.CLIENT, False)


@pytest.mark.parametrize("password", ["short", "password1234", "83749283749", "new.person@example"])
def test_an_easy_password_is_refused(password: str) -> None:
    with pytest.raises(ValidationError, match="password") as caught:
        services.register(email="new.person@example.com", password=password)
    assert list(caught.value.message_dict) == ["password"]
    assert User.objects.count() == 0


def test_there_is_one_login_for_each_address(alice: User) -> None:
    with pytest.raises(Conflict, match=r"There is a login with the address alice@example\.com already"):
        services.register(email="ALICE@example.com", password=PASSWORD)
    assert User.objects.count() == 1


def test_an_administrator_makes_a_login_for_somebody(admin: User) -> None:
    user = services.create_person(admin, email="bd@example.com", password=PASSWORD, role=Role.BD, last_name="Dee")
    assert (user.role, user.last_name, user.is_staff) == (Role.BD, "Dee", False)
    other = services.create_person(admin, email="second@example.com", password=PASSWORD, role=Role.ADMIN)
    assert (other.role, other.is_staff, other.is_superuser) == (Role.ADMIN, True, False)


def test_details_are_changed_and_nothing_else(alice: User) -> None:
    User.objects.filter(pk=alice.pk).update(role=Role.BROKER)  # meanwhile, elsewhere
    services.change_details(alice, first_name="Alicia", phone="1", email="other@example.com")
    stored = User.objects.get(pk=alice.pk)
    assert (stored.first_name, stored.phone, alice.first_name) == ("Alicia", "1", "Alicia")
    assert (stored.email, stored.role) == ("alice@example.com", Role.BROKER)
    assert services.change_details(alice) is alice


def test_a_login_that_was_deleted_meanwhile_is_a_conflict(alice: User) -> None:
    User.objects.filter(pk=alice.pk).delete()
    with pytest.raises(Conflict, match="was deleted in the meantime"):
        services.change_details(alice, phone="1")


def test_with_the_role_comes_the_way_into_the_admin(admin: User, alice: User) -> None:
    services.change_role(alice, Role.ADMIN, admin)
    alice.refresh_from_db()
    assert (alice.role, alice.is_staff, alice.has_perm("users.change_user")) == (Role.ADMIN, True, True)
    services.change_role(alice, Role.BD, admin)
    alice.refresh_from_db()
    assert (alice.role, alice.is_staff) == (Role.BD, False)
    alice = User.objects.get(pk=alice.pk)
    assert (alice.has_perm("users.change_user"), alice.has_module_perms("users")) == (False, False)


def test_whoever_is_deactivated_comes_back_by_activation(admin: User, alice: User) -> None:
    services.deactivate(alice, admin)
    assert (alice.is_active, User.objects.get(pk=alice.pk).is_active) == (False, False)
    services.activate(alice, admin)
    assert (alice.is_active, User.objects.get(pk=alice.pk).is_active) == (True, True)


def test_deactivation_ends_access_after_the_commit(
    admin: User, alice: User, django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks() as callbacks:
        services.deactivate(alice, admin)
    assert [callback.args for callback in callbacks] == [({alice.pk: [{"type": "access_ended"}]},)]  # type: ignore[attr-defined]


def test_all_of_it_is_changed_or_nothing(admin: User, alice: User) -> None:
    services.manage(alice, admin, first_name="Al", role=Role.BROKER, is_active=False)
    stored = User.objects.get(pk=alice.pk)
    assert (stored.first_name, stored.role, stored.is_active) == ("Al", Role.BROKER, False)
    services.manage(stored, admin, is_active=True, role=Role.BROKER)
    assert User.objects.get(pk=alice.pk).is_active is True
    with pytest.raises(NotPossible, match="You cannot change your own role; ask another administrator"):
        services.manage(admin, admin, first_name="King", role=Role.CLIENT)
    assert User.objects.get(pk=admin.pk).first_name == "Pat"


def test_nobody_locks_themselves_out(admin: User) -> None:
    with pytest.raises(NotPossible, match="You cannot deactivate your own login"):
        services.deactivate(admin, admin)
    assert services.manage(admin, admin, is_active=True, role=Role.ADMIN, phone="1").phone == "1"


DEEDS: list[Callable[[User, User], Any]] = [
    lambda user, by: services.change_role(user, Role.BD, by),
    services.deactivate,
    services.activate,
    lambda user, by: services.manage(user, by, first_name="X"),
]


@pytest.mark.parametrize("deed", DEEDS)
def test_only_administrators_manage_logins(alice: User, deed: Callable[[User, User], Any]) -> None:
    with pytest.raises(NotPermitted, match="Only administrators manage logins"):
        deed(alice, BDUserFactory())


def test_only_administrators_make_logins_for_others(alice: User) -> None:
    with pytest.raises(NotPermitted, match="Only administrators manage logins"):
        services.create_person(alice, email="x@example.com", password=PASSWORD, role=Role.ADMIN)


@pytest.mark.parametrize("deed", DEEDS)
def test_a_superuser_is_managed_by_superusers_only(admin: User, root: User, deed: Callable[[User, User], Any]) -> None:
    with pytest.raises(NotPermitted, match="only another superuser may do that"):
        deed(root, admin)
    deed(root, AdminFactory(is_superuser=True))


def test_choices_about_notifications_touch_only_what_is_chosen(alice: User) -> None:
    services.choose_notifications(alice, system_email=True)
    chosen = services.choose_notifications(alice, daily_digest=True)
    assert (chosen.system_email, chosen.daily_digest, chosen.weekly_digest) == (True, True, False)
    assert services.choose_notifications(alice) == chosen
    assert NotificationPreference.objects.count() == 1
