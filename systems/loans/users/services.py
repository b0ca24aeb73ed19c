"""What happens to logins: somebody registers, is hired, changes what they do, leaves, and comes back."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from core.errors import Conflict, NotPermitted, NotPossible
from users import push
from users.models import NotificationPreference, Role, User

DETAILS = ("first_name", "last_name", "phone")


def register(*, email: str, password: str, **details: str) -> User:
    """A login that somebody makes for themselves: always a client's.

    Raises:
        ValidationError: the password is too easy to guess.
        Conflict: there is a login with this address.
    """
    return _create(email, password, Role.CLIENT, details)


def create_person(by: User, *, email: str, password: str, role: str, **details: str) -> User:
    """A login that an administrator makes for somebody.

    Raises:
        ValidationError: the password is too easy to guess.
        Conflict: there is a login with this address.
        NotPermitted: only administrators do that.
    """
    _must_be_admin(by)
    return _create(email, password, role, details)


def change_details(user: User, **details: str) -> User:
    """A person's name and telephone number."""
    return _update(user, {name: details[name] for name in DETAILS if name in details})


@transaction.atomic
def manage(user: User, by: User, *, role: str | None = None, is_active: bool | None = None, **details: str) -> User:
    """Change what somebody is called, what they do, and whether they may log in: all of it, or nothing.

    Raises:
        NotPermitted: only administrators do that, and with superusers only superusers.
        NotPossible: nobody takes away their own rights.
    """
    _may_manage(by, user)
    change_details(user, **details)
    if role is not None and role != user.role:
        change_role(user, role, by)
    if is_active is not None and is_active != user.is_active:
        (activate if is_active else deactivate)(user, by)
    return user


def change_role(user: User, role: str, by: User) -> User:
    """Let a person do something else; only administrators come into Django's admin.

    Raises:
        NotPermitted: only administrators do that, and with superusers only superusers.
        NotPossible: nobody takes away their own rights.
    """
    _may_manage(by, user, own="change your own role")
    return _update(user, {"role": role, "is_staff": user.is_superuser or role == Role.ADMIN})


def deactivate(user: User, by: User) -> User:
    """Let a person no longer in. Their tokens are refused from now on, and their sockets close.

    Raises:
        NotPermitted: only administrators do that, and with superusers only superusers.
        NotPossible: nobody locks themselves out.
    """
    _may_manage(by, user, own="deactivate your own login")
    _update(user, {"is_active": False})
    push.access_ended(user.pk)
    return user


def activate(user: User, by: User) -> User:
    """Let a person in again.

    Raises:
        NotPermitted: only administrators do that, and with superusers only superusers.
    """
    _may_manage(by, user)
    return _update(user, {"is_active": True})


def choose_notifications(user: User, **choices: bool) -> NotificationPreference:
    """How a person wants to be told what."""
    NotificationPreference.objects.get_or_create(user=user)
    NotificationPreference.objects.filter(user=user).update(**choices)
    return NotificationPreference.objects.get(user=user)


def _create(email: str, password: str, role: str, details: dict[str, Any]) -> User:
    person = {name: details[name] for name in DETAILS if name in details}
    try:
        validate_password(password, User(email=email, **person))
    except ValidationError as error:
        raise ValidationError({"password": error.messages}) from error
    try:
        with transaction.atomic():
            return User.objects.create_user(email, password, role=role, is_staff=role == Role.ADMIN, **person)
    except IntegrityError:
        raise Conflict(f"There is a login with the address {email.lower()} already.") from None


def _may_manage(by: User, user: User, *, own: str = "") -> None:
    _must_be_admin(by)
    if own and user.pk == by.pk:
        raise NotPossible(f"You cannot {own}; ask another administrator.")
    if user.is_superuser and not by.is_superuser:
        raise NotPermitted(f"{user} is a superuser; only another superuser may do that.")


def _must_be_admin(by: User) -> None:
    if not by.is_admin:
        raise NotPermitted("Only administrators manage logins.")


def _update(user: User, values: dict[str, Any]) -> User:
    if values and not User.objects.filter(pk=user.pk).update(**values):
        raise Conflict(f"The login of {user} was deleted in the meantime.")
    for name, value in values.items():
        setattr(user, name, value)
    return user
