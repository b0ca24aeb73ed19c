"""Which borrowers and guarantors a person may see."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import Q, QuerySet

from borrowers.models import Borrower, Guarantor
from users.models import Role

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from users.models import User

NOTHING = Q(pk__in=[])
#: How an application leads to the person who works on it.
WORKS_ON = {Role.BD: "applications__bd__user", Role.BROKER: "applications__broker__user"}


def visible_borrowers(user: User | AnonymousUser) -> QuerySet[Borrower]:
    """Those of one's applications, those one entered, and oneself; an administrator sees all."""
    return Borrower.objects.filter(_condition(user, oneself="user")).distinct()


def visible_guarantors(user: User | AnonymousUser) -> QuerySet[Guarantor]:
    """Those of one's applications, those one entered, and one's own; an administrator sees all."""
    return Guarantor.objects.filter(_condition(user, oneself="borrower__user")).distinct()


def _condition(user: User | AnonymousUser, oneself: str) -> Q:
    if not user.is_authenticated:
        return NOTHING
    if user.is_admin:
        return Q()
    if user.role == Role.CLIENT:
        return Q(**{oneself: user})
    if user.role in WORKS_ON:
        return Q(created_by=user) | Q(**{WORKS_ON[Role(user.role)]: user})
    return NOTHING
