"""What happens to an application on its way. Nothing here sends: who calls enqueues a task, after the commit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from itertools import count, pairwise, takewhile
from typing import TYPE_CHECKING

from django.db import transaction

from applications.editing import write
from applications.loan_dates import add_months
from applications.models import FALLEN_THROUGH, PATH, ActiveLoan, Application, Stage, StageChange
from borrowers.models import Borrower
from core.clock import now, today
from core.errors import Conflict, NotPossible
from documents.annuity import due_date
from documents.models import Note

if TYPE_CHECKING:
    from users.models import User


def allowed_moves(application: Application) -> list[Stage]:
    """The stages to which it may move now: the next one, or out. A closed application stays as it is."""
    if application.is_closed:
        return []
    return [*_next_on_path(application.stage), *FALLEN_THROUGH]


def _next_on_path(stage: str) -> list[Stage]:
    return [after for before, after in pairwise(PATH) if before == stage]


@transaction.atomic
def change_stage(application: Application, to_stage: str, by: User | None) -> StageChange:
    """Move it to another stage, and write down who did. A loan begins when it is funded.

    Raises:
        NotPossible: the move is not allowed, or there is too little to make a loan of.
        Conflict: somebody else moved it since it was read.
    """
    _check_move(application, to_stage)
    seen, moment = application.stage, now()
    moved = Application.objects.filter(pk=application.pk, stage=seen).update(
        stage=to_stage, stage_last_updated=moment, updated_at=moment
    )
    if not moved:
        raise Conflict(
            f"{application} is no longer in stage {application.get_stage_display()}; load it and look again."
        )
    if to_stage == Stage.FUNDED:
        _start_loan(application)
    change = StageChange.objects.create(
        application=application, from_stage=seen, to_stage=Stage(to_stage), changed_by=by, changed_at=moment
    )
    _write_down(change)
    application.stage, application.stage_last_updated, application.updated_at = change.to_stage, moment, moment
    return change


@transaction.atomic
def add_borrowers(application: Application, borrowers: Iterable[Borrower]) -> None:
    """More borrowers; one who is there already stays.

    Raises:
        Conflict: the application is closed.
    """
    write(application)
    application.borrowers.add(*borrowers)


@transaction.atomic
def remove_borrowers(application: Application, borrowers: Iterable[Borrower]) -> None:
    """Fewer borrowers.

    Raises:
        Conflict: the application is closed.
    """
    write(application)
    application.borrowers.remove(*borrowers)


def _check_move(application: Application, to_stage: str) -> None:
    moves = allowed_moves(application)
    label = application.get_stage_display()
    if not moves:
        raise NotPossible(f"{application} is closed ({label}): its stage no longer changes.")
    if to_stage not in moves:
        choices = ", ".join(stage.label for stage in moves)
        raise NotPossible(f"{application} is in stage {label}; from there it can move to: {choices}.")


def _start_loan(application: Application) -> None:
    application.refresh_from_db(fields=["loan_amount", "loan_term", "repayment_frequency", "estimated_settlement_date"])
    if application.loan_amount is None or application.loan_term is None:
        raise NotPossible(f"{application} has no amount or no term; enter both before it is funded.")
    settled = application.estimated_settlement_date or today()
    expiry = add_months(settled, application.loan_term)
    interest_days = _due_days(settled, expiry, application.repayment_frequency)
    ActiveLoan.objects.create(
        application=application,
        settlement_date=settled,
        loan_expiry_date=expiry,
        interest_payment_due_dates=[day.isoformat() for day in interest_days],
    )


def _due_days(start: date, until: date, frequency: str) -> Iterator[date]:
    days = (due_date(start, frequency, number) for number in count(1))
    return takewhile(lambda day: day <= until, days)


def _write_down(change: StageChange) -> None:
    before, after = change.get_from_stage_display(), change.get_to_stage_display()
    Note.objects.create(
        application_id=change.application_id,
        title=f"Stage: {after}",
        content=f"Moved from {before} to {after} by {change.changed_by or 'the system'}.",
        created_by=change.changed_by,
    )
