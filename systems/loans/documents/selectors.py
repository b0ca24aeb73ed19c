"""Which papers, notes and money a person may see, and what is left undone."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, TypeVar

from django.db.models import Model, Q, QuerySet

from applications.selectors import scope_of
from borrowers.selectors import visible_borrowers
from documents.models import Document, Fee, Ledger, Note, Repayment, RepaymentImport
from users.models import Role

if TYPE_CHECKING:
    from users.models import User

Row = TypeVar("Row", bound=Model)


def visible_fees(user: User) -> QuerySet[Fee]:
    """The fees of the applications that this person may see."""
    return _visible(Fee.objects.all(), user)


def visible_repayments(user: User) -> QuerySet[Repayment]:
    """The instalments of the applications that this person may see."""
    return _visible(Repayment.objects.all(), user)


def visible_ledger(user: User) -> QuerySet[Ledger]:
    """What happened to the money of the applications that this person may see."""
    return _visible(Ledger.objects.all(), user)


def visible_documents(user: User) -> QuerySet[Document]:
    """The papers of the applications and borrowers that this person may see, and those one put there."""
    return Document.objects.filter(_of_application_or_person(user)).distinct()


def visible_notes(user: User) -> QuerySet[Note]:
    """The notes on applications and borrowers that this person may see; a client sees none of the office's own."""
    rows = Note.objects.filter(_of_application_or_person(user)).distinct()
    return rows if user.is_admin or user.role != Role.CLIENT else rows.filter(is_internal=False)


def unfinished_imports(untouched_since: datetime) -> QuerySet[RepaymentImport]:
    """Imports on which nobody works: their task was never sent, or its worker is gone."""
    undone = [RepaymentImport.Status.WAITING, RepaymentImport.Status.RUNNING]
    return RepaymentImport.objects.filter(status__in=undone, updated_at__lte=untouched_since)


def _visible(rows: QuerySet[Row], user: User) -> QuerySet[Row]:
    return rows.filter(scope_of(user, "application__")).distinct()


def _of_application_or_person(user: User) -> Q:
    if user.is_admin:
        return Q()
    of_nobody_else = Q(created_by=user) | Q(borrower__in=visible_borrowers(user))
    return scope_of(user, "application__") | Q(application__isnull=True) & of_nobody_else
