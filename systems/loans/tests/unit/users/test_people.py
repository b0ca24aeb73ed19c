"""What a login is."""

from __future__ import annotations

import pytest

from tests.factories import PASSWORD, AdminFactory, UserFactory
from users.models import Role, User

pytestmark = [pytest.mark.unit, pytest.mark.django_db]


def test_the_address_is_the_login_in_small_letters() -> None:
    user = User.objects.create_user(username="ally", email="Alice@Example.com", password=PASSWORD)
    assert (user.email, user.role, user.is_staff, user.check_password(PASSWORD)) == (
        "alice@example.com",
        Role.CLIENT,
        False,
        True,
    )
    user.email = "Alice.Other@Example.com"
    user.save()
    assert User.objects.get().email == "alice.other@example.com"


def test_there_is_no_login_without_an_address() -> None:
    with pytest.raises(ValueError, match="a user needs an e-mail address: it is the login"):
        User.objects.create_user(password=PASSWORD)


def test_a_superuser_is_an_administrator() -> None:
    user = User.objects.create_superuser("root@example.com", PASSWORD)
    assert (user.role, user.is_staff, user.is_superuser, user.is_admin) == (Role.ADMIN, True, True, True)


def test_a_person_is_called_by_name_or_address() -> None:
    assert str(UserFactory.build(first_name="Al", last_name="Ice")) == "Al Ice"
    assert str(UserFactory.build(first_name="", last_name="", email="al@example.com")) == "al@example.com"


def test_only_active_administrators_have_all_rights() -> None:
    assert AdminFactory.build().has_perm("users.change_user")
    assert AdminFactory.build().has_module_perms("users")
    assert not AdminFactory(is_active=False).has_perm("users.change_user")
    assert not UserFactory().has_perm("users.change_user")
