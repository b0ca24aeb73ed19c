"""Who is to be told: borrowers, the desk that looks after an application, and the house."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from django.db.models import Q

from applications.models import Application
from borrowers.models import Borrower
from users.models import Role, User

#: What a query must bring along so that `Office.desk_of` and `Office.people_of` ask nothing more.
DESK = ("bd__user", "bd__branch", "branch")


def active(user: User | None) -> User | None:
    """The user, if that person still works here."""
    return user if user is not None and user.is_active else None


def mail_address(user: User | None) -> str:
    """Where mail reaches this person, or nowhere."""
    return user.email if user is not None and user.is_active else ""


def by_address(borrowers: Iterable[Borrower]) -> dict[str, list[Borrower]]:
    """The borrowers whom mail reaches, by address; an address that they share gets one message."""
    found: dict[str, tuple[str, list[Borrower]]] = {}
    for borrower in borrowers:
        if address := borrower.mail_address:
            found.setdefault(address.casefold(), (address, []))[1].append(borrower)
    return dict(found.values())


@dataclass(frozen=True, slots=True)
class Desk:
    """The addresses that look after an application; others stand in if its manager cannot be reached."""

    addresses: tuple[str, ...]
    stands_in: bool


class Office:
    """The people of the house, looked up once in a run."""

    @cached_property
    def admins(self) -> list[User]:
        """Who may do everything."""
        return list(User.objects.filter(Q(role=Role.ADMIN) | Q(is_superuser=True), is_active=True).order_by("pk"))

    @cached_property
    def money_people(self) -> list[User]:
        """Who looks after the money: administrators and accounts."""
        roles = Q(role__in=[Role.ADMIN, Role.ACCOUNTS]) | Q(is_superuser=True)
        return list(User.objects.filter(roles, is_active=True).order_by("pk"))

    def desk_of(self, application: Application) -> Desk:
        """The manager; or else the branch; or else the administrators."""
        bd = application.bd
        if bd and (address := mail_address(bd.user) or bd.email):
            return Desk((address,), stands_in=False)
        for branch in (application.branch, bd and bd.branch):
            if branch and branch.email:
                return Desk((branch.email,), stands_in=True)
        return Desk(tuple(user.email for user in self.admins), stands_in=True)

    def people_of(self, application: Application) -> tuple[list[User], bool]:
        """The manager's login; or else, standing in, the administrators."""
        manager = active(application.bd.user if application.bd else None)
        return ([manager], False) if manager else (self.admins, True)
