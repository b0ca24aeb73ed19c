"""Repayments: borrowers are reminded before and after the due date, and at last their manager is told."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from functools import partial

from django.db.models import Exists, Prefetch

from applications.reminders.addresses import DESK, Office, active, by_address
from applications.reminders.inbox import Notice
from applications.reminders.steps import Step, steps, unpaid
from applications.reminders.sweep import Condition, Mail, Plan, Sweep
from applications.reminders.texts import days_ahead, days_overdue, letter, money, names
from borrowers.models import Borrower
from core.clock import now, today
from core.mailing import Letter, Sender
from core.sweeps import Outcome
from documents.models import DUE_SOON_DAYS, Repayment

BORROWERS = Prefetch("application__borrowers", Borrower.objects.select_related("user").order_by("pk"))


def remind_of_repayments(
    send: Sender, *, days_before: Sequence[int] = (DUE_SOON_DAYS,), until: float | None = None
) -> Outcome:
    """Tell everybody who is to be told today; each step of a repayment once, and only the highest that is due.

    These messages belong to the contract, so they are mailed whatever a borrower prefers; only whether they are shown
    in the application as well is a borrower's choice.

    Raises:
        MailServerDown: the server did not answer several times in a row.
        TimeUp: the run took as long as it may.
    """
    sweep, day = Sweep(send, until), today()
    for step in steps(days_before):
        rows = step.rows(day).select_related("application", *(f"application__{path}" for path in DESK))
        sweep.over(rows.prefetch_related(BORROWERS), partial(_plan, step, day, sweep.office), partial(_mark, step))
    return sweep.outcome


def _mark(step: Step, row: Repayment) -> None:
    """Only these two columns, and only if nobody paid or marked it meanwhile."""
    flag = step.marks
    if flag and not getattr(row, flag):
        Repayment.objects.filter(pk=row.pk, paid_date__isnull=True, **{flag: False}).update(
            **{flag: True, f"{flag}_at": now()}
        )


def _plan(step: Step, day: date, office: Office, row: Repayment) -> Plan:
    still_owed = partial(_still_owed, row)
    if step.to_desk:
        return _plan_for_desk(step, day, office, row, still_owed)
    people = by_address(row.application.borrowers.all())
    if not people:
        return _plan_for_nobody(step, day, office, row, still_owed)
    mails = [
        Mail(step.key(row, address), Letter(address, step.subject, _reminder(step, day, row, names(sharing))))
        for address, sharing in people.items()
    ]
    return Plan(row, still_owed, mails, _notices(step, day, row))


def _still_owed(row: Repayment) -> Exists:
    return Exists(unpaid().filter(pk=row.pk, due_date=row.due_date))


def _plan_for_desk(step: Step, day: date, office: Office, row: Repayment, still_owed: Condition) -> Plan:
    desk = office.desk_of(row.application)
    borrowers = [f"{one} <{one.mail_address or 'no address'}>" for one in row.application.borrowers.all()]
    late = days_overdue(step.first, (day - row.due_date).days)
    message = letter(
        "colleague",
        f"a repayment is {late}. Please get in touch with the borrowers.",
        facts=_facts(row) | {"Borrowers": ", ".join(borrowers) or "none"},
    )
    mails = [Mail(step.key(row, address), Letter(address, step.subject, message)) for address in desk.addresses]
    return Plan(row, still_owed, mails, stands_in=desk.stands_in)


def _plan_for_nobody(step: Step, day: date, office: Office, row: Repayment, still_owed: Condition) -> Plan:
    """No borrower can be reached: the desk must know, once for each step, and the step stays open."""
    subject = f"Nobody to remind of a repayment: {row.application.reference_number}"
    message = letter(
        "colleague",
        f"the message “{step.subject}” is due, but no borrower of this application has an e-mail address. "
        "Please enter one; the reminder is then sent the next morning.",
        facts=_facts(row) | {"Due": days_ahead(row.due_date, day)},
    )
    kind = f"unreached_{step.kind}"
    mails = [
        Mail(step.key(row, address, kind), Letter(address, subject, message))
        for address in office.desk_of(row.application).addresses
    ]
    return Plan(row, still_owed, mails, stands_in=True)


def _reminder(step: Step, day: date, row: Repayment, greeting: str) -> str:
    return letter(
        greeting, _sentence(step, day, row), facts=_facts(row), closing="If you have paid already, we thank you."
    )


def _sentence(step: Step, day: date, row: Repayment) -> str:
    if step.is_overdue:
        return f"your repayment is {days_overdue(step.first, (day - row.due_date).days)}. Please pay it now."
    return f"your next repayment is due {days_ahead(row.due_date, day)}."


def _facts(row: Repayment) -> dict[str, object]:
    return {
        "Application": row.application.reference_number,
        "Amount": money(row.amount),
        "Due date": row.due_date.isoformat(),
    }


def _notices(step: Step, day: date, row: Repayment) -> list[Notice]:
    text = _sentence(step, day, row)
    message = f"{row.application.reference_number}: {text} {money(row.amount)}, due date {row.due_date.isoformat()}."
    users = {user.pk: user for one in row.application.borrowers.all() if (user := active(one.user))}
    return [
        Notice(user, step.about, step.subject, message, row, f"{step.kind}:{row.pk}:{row.due_date}:{user.pk}")
        for user in users.values()
    ]
