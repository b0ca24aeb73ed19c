"""Which applications a person may see, and which the sweeps look at."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from django.db.models import Q, QuerySet

from applications.models import CLOSED, Application
from borrowers.models import Borrower
from users.models import Role

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from users.models import User


#: How an application leads to those who work on it, or borrow.
OWN = {Role.BD: "bd__user", Role.BROKER: "broker__user", Role.CLIENT: "borrowers__user"}
NOTHING = Q(pk__in=[])
#: More words than this do not narrow a search.
MOST_WORDS = 5


def scope_of(user: User | AnonymousUser, prefix: str = "") -> Q:
    """The condition under which a row belongs to what this person may see; `prefix` leads to the application.

    The one place that knows it: `Fee.objects.filter(scope_of(user, "application__")).distinct()`.
    """
    if user.is_authenticated and user.is_admin:
        return Q()
    own = OWN.get(user.role) if user.is_authenticated else None
    return Q(**{f"{prefix}{own}": user}) if own else NOTHING


def visible_applications(user: User | AnonymousUser) -> QuerySet[Application]:
    """The applications that this person may see; all others do not exist for them."""
    return Application.objects.filter(scope_of(user)).distinct()


def listed(
    user: User, stage: str | None = None, broker: int | None = None, bd: int | None = None, search: str = ""
) -> QuerySet[Application]:
    """Visible applications with all that a list shows of them, in a number of statements that does not grow."""
    wanted = {"stage": stage, "broker": broker, "bd": bd}
    rows = visible_applications(user).filter(**{name: value for name, value in wanted.items() if value})
    for word in search.split()[:MOST_WORDS]:
        rows = rows.filter(_named(word))
    return rows.select_related("broker", "branch", "bd").prefetch_related("borrowers", "guarantors")


def _named(word: str) -> Q:
    people = Borrower.objects.filter(
        Q(first_name__icontains=word) | Q(last_name__icontains=word) | Q(company_name__icontains=word)
    )
    theirs = Application.objects.filter(borrowers__in=people)
    return Q(reference_number__icontains=word) | Q(purpose__icontains=word) | Q(pk__in=theirs.values("pk"))


def stuck_since(moment: datetime) -> QuerySet[Application]:
    """Open applications that came to their stage at that moment or before."""
    never_moved = Q(stage_last_updated__isnull=True, created_at__lte=moment)
    return Application.objects.exclude(stage__in=CLOSED).filter(Q(stage_last_updated__lte=moment) | never_moved)
