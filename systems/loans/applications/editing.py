"""Applications are made, corrected and deleted. Only the given columns are written: a stage is never undone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from applications.models import CLOSED, Application, Stage
from applications.terms import TERMS
from borrowers.models import Borrower, Guarantor
from borrowers.services import borrower_of
from brokers.services import bdm_of, broker_of
from core.clock import now
from core.errors import Conflict, NotPermitted
from documents.files import remove
from documents.models import Fee, Repayment
from users.models import Role

if TYPE_CHECKING:
    from users.models import User

#: Whom a person who makes or corrects an application may name; an administrator may name anybody.
MAY_NAME = {Role.BD: {"broker", "branch"}, Role.BROKER: {"bd", "branch"}}


@transaction.atomic
def create_application(
    by: User, *, borrowers: Iterable[Borrower] = (), guarantors: Iterable[Guarantor] = (), **values: Any
) -> Application:
    """A new inquiry. Who makes it has their part in it: as its manager, its broker, or one of its borrowers.

    Raises:
        NotPermitted: it names somebody whom this person may not name.
    """
    own = _own_part(by)
    named = {name: value for name, value in values.items() if value is not None}
    _check_names(by, named, own)
    application = Application.objects.create(created_by=by, **{**values, **own})
    oneself = [borrower_of(by)] if by.role == Role.CLIENT and not by.is_admin else []
    application.borrowers.add(*borrowers, *oneself)
    application.guarantors.add(*guarantors)
    return application


@transaction.atomic
def edit_application(application: Application, by: User, **changes: Any) -> Application:
    """Change what is given, and nothing else. The terms and the people of a closed application stay.

    Raises:
        NotPermitted: it names somebody whom this person may not name.
        Conflict: it is closed, or no longer there.
    """
    people = {name: changes.pop(name) for name in ("borrowers", "guarantors") if name in changes}
    changed = {name: value for name, value in changes.items() if getattr(application, name) != value}
    _check_names(by, changed, {})
    write(application, even_if_closed=not (people or changed.keys() & set(TERMS)), **changed)
    for name, those in people.items():
        getattr(application, name).set(those)
    return application


def write(application: Application, *, even_if_closed: bool = False, **values: Any) -> None:
    """Write these columns, in the database and in the object.

    Raises:
        Conflict: it is closed, or no longer there.
    """
    rows = Application.objects.filter(pk=application.pk)
    if not even_if_closed:
        rows = rows.exclude(stage__in=CLOSED)
    values["updated_at"] = now()
    if not rows.update(**values):
        raise Conflict(f"{application} is closed, or no longer there; load it and look again.")
    for name, value in values.items():
        setattr(application, name, value)


def deletable() -> QuerySet[Application]:
    """The applications for which no money has moved."""
    unpaid = [
        ~Exists(model.objects.filter(application=OuterRef("pk"), paid_date__isnull=False)) for model in (Fee, Repayment)
    ]
    return Application.objects.filter(*unpaid).exclude(stage=Stage.FUNDED)


@transaction.atomic
def delete_application(application: Application) -> None:
    """Delete it with all that belongs to it, if no money has moved.

    Raises:
        Conflict: it was funded, something was paid or is being paid at this moment, or it is no longer there.
    """
    if not Application.objects.select_for_update().filter(pk=application.pk).exists():
        raise Conflict(f"{application} is no longer there; load the list again.")
    if not _holds_money(application):
        raise Conflict(f"A fee or an instalment of {application} changes at this moment; load it and look again.")
    # Asked only now, when nothing can be added or paid any more: what was true before the locks may have changed.
    if not deletable().filter(pk=application.pk).exists():
        raise Conflict(f"{application} was funded, or something was paid for it: it is kept. Withdraw it instead.")
    for document in application.documents.all():
        remove(document)
    application.delete()


def _holds_money(application: Application) -> bool:
    """Lock its fees and instalments, without waiting for whoever has one of them.

    A payment has its instalment first, and then needs the application, for its entry in the ledger. Who deletes has
    the application: if both waited, each would wait for the other.
    """
    kinds = (application.fees, application.repayments)
    return all(len(rows.select_for_update(skip_locked=True)) == rows.count() for rows in kinds)


def _own_part(by: User) -> dict[str, Any]:
    if by.is_admin or by.role not in MAY_NAME:
        return {}
    return {"bd": bdm_of(by)} if by.role == Role.BD else {"broker": broker_of(by)}


def _check_names(by: User, named: Mapping[str, Any], own: Mapping[str, Any]) -> None:
    if by.is_admin:
        return
    for name in {"broker", "branch", "bd"} - MAY_NAME.get(Role(by.role), set()):
        if name in named and (name not in own or named[name] != own[name]):
            raise NotPermitted(f"Your role does not choose the {name} of an application; leave {name!r} out.")
