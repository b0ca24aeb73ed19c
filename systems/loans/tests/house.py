"""An application with its people, and another one with other people."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import Permission
from django.test import Client
from rest_framework.test import APIClient

from applications.models import Application
from tests.factories import (
    AccountsUserFactory,
    AdminFactory,
    ApplicationFactory,
    BorrowerFactory,
    FeeFactory,
    NoteFactory,
    RepaymentFactory,
    UserFactory,
)
from users.models import User


@dataclass
class House:
    """Who works on what: `people` are those of `own`; nobody but the administrator knows `other`."""

    own: Application
    other: Application
    people: dict[str, User]

    def api(self, role: str) -> APIClient:
        """The API, as somebody of that role."""
        client = APIClient()
        client.force_authenticate(self.people[role])
        return client

    def call(self, role: str, method: str, path: str, data: Any = None, kind: str = "json") -> Any:
        """One request to an address below the own application."""
        return getattr(self.api(role), method)(f"/api/applications/{self.own.pk}/{path}", data, format=kind)

    def staff(self, role: str, *permissions: str) -> Client:
        """The admin, as somebody of that role with these permissions."""
        user = self.people[role]
        User.objects.filter(pk=user.pk).update(is_staff=True)
        user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
        client = Client()
        client.force_login(User.objects.get(pk=user.pk))
        return client


def application_with_papers() -> Application:
    client = BorrowerFactory(user=UserFactory())
    application = ApplicationFactory(borrowers=[client, BorrowerFactory()])
    RepaymentFactory(application=application)
    FeeFactory(application=application)
    NoteFactory(application=application, is_internal=True, title="For the office")
    NoteFactory(application=application, is_internal=False, title="For everybody")
    return application


def build() -> House:
    """Make it."""
    own, other = application_with_papers(), application_with_papers()
    people = {
        "admin": AdminFactory(),
        "bd": own.bd.user,
        "broker": own.broker.user,
        "client": own.borrowers.get(user__isnull=False).user,
        "accounts": AccountsUserFactory(),
    }
    return House(own, other, people)
