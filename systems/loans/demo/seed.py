"""Fills an empty database through the same services that the API uses, and then puts the past into the past."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from django.db import transaction

from applications.loan_dates import add_months
from applications.models import PATH, Application, Stage
from applications.services import change_stage
from borrowers.models import Borrower, Guarantor
from brokers.models import BDM, Branch, Broker
from core.clock import now, start_of, today
from demo import money, people
from demo.data import BORROWERS, BRANCHES, BROKERS, CASES, COMPANY, MANAGERS, Case
from documents.generation import Order, generate, request_document
from documents.models import DocumentJob, DocumentType
from documents.notes import add_note
from reminders.models import Reminder
from users.models import Role, User
from users.notices import preferences_of

DAYS_IN_EARLIER_STAGES = 6


@transaction.atomic
def seed() -> None:
    """People, applications in all stages with their papers and money, and things to be reminded of."""
    users = people.make_people()
    preferences = preferences_of(users[Role.ADMIN])
    preferences.daily_digest = preferences.weekly_digest = True
    preferences.save()
    _contacts(users)
    _borrowers(users[Role.CLIENT])
    for case in CASES:
        _application(case, users[Role.BD])
    _papers(users[Role.BD])
    _things_to_remember(users[Role.BD])


def _contacts(users: dict[Role, User]) -> None:
    branches = {name: Branch.objects.create(name=name, email=_address(name, "loans")) for name in BRANCHES}
    for name, branch in MANAGERS:
        user = users[Role.BD] if name == str(users[Role.BD]) else None
        BDM.objects.create(
            name=name, email=user.email if user else _address(name, "loans"), branch=branches[branch], user=user
        )
    for name, company in BROKERS:
        user = users[Role.BROKER] if name == str(users[Role.BROKER]) else None
        address = user.email if user else _address(name, "brokers")
        broker = Broker.objects.create(
            name=name, company=company, email=address, user=user, branch=branches[BRANCHES[0]]
        )
        broker.bdms.set(BDM.objects.all())


def _borrowers(client: User) -> None:
    for number, name in enumerate(BORROWERS):
        first, last = name.split()
        user = client if name == str(client) else None
        Borrower.objects.create(
            first_name=first,
            last_name=last,
            email=user.email if user else _address(name, "clients"),
            phone=f"+61 2 5550 {number:04}",
            address=f"{number + 11} Wattle Street, Sydney",
            annual_income=Decimal(68_000 + 7_500 * number),
            user=user,
        )
    Borrower.objects.create(company_name=COMPANY, email=_address("Accounts", "lantern"))


def _application(case: Case, manager: User) -> None:
    application = Application.objects.create(
        application_type=case.kind,
        purpose=case.purpose,
        loan_amount=case.amount,
        loan_term=case.loan.term if case.loan else 300,
        interest_rate=case.loan.rate if case.loan else Decimal("5.95"),
        repayment_frequency=case.loan.frequency if case.loan else "monthly",
        estimated_settlement_date=money.start_of_loan(case.loan) if case.loan else add_months(today(), 2),
        broker=Broker.objects.get(name=case.broker),
        bd=BDM.objects.get(name=case.manager),
        branch=BDM.objects.get(name=case.manager).branch,
        created_by=manager,
    )
    application.borrowers.set(_people_of(case))
    if case.kind == "commercial":
        application.guarantors.add(Guarantor.objects.create(name="Gus Gale", email=_address("Gus Gale", "clients")))
    for stage in _way_to(case.stage):
        change_stage(application, stage, manager)
    money.fees_and_instalments(application, case.loan, manager)
    _move_into_the_past(application, case.days)


def _people_of(case: Case) -> list[Borrower]:
    names = [name for name in (case.borrower, case.with_borrower) if name]
    return [
        Borrower.objects.get(company_name=name) if name == COMPANY else Borrower.objects.get(last_name=name.split()[1])
        for name in names
    ]


def _way_to(stage: Stage) -> list[Stage]:
    if stage in PATH:
        return list(PATH[1 : PATH.index(stage) + 1])
    return [Stage.PRE_APPROVAL, stage]


def _move_into_the_past(application: Application, days: int) -> None:
    """As if its changes of stage had happened one after another, the last one so many days ago.

    What happened today is still to be told.
    """
    moment = now() - timedelta(days=days, hours=1)
    changes = list(application.stage_changes.order_by("-pk"))
    for change in changes:
        told_at = moment if moment < now() - timedelta(days=1) else None
        application.stage_changes.filter(pk=change.pk).update(changed_at=moment, notified_at=told_at)
        moment -= timedelta(days=DAYS_IN_EARLIER_STAGES)
    application.notes.update(created_at=moment)
    Application.objects.filter(pk=application.pk).update(
        created_at=moment, stage_last_updated=now() - timedelta(days=days, hours=1) if changes else None
    )


def _papers(manager: User) -> None:
    """Letters for two who are far enough; a third was asked for when no worker ran, and waits for one."""
    *applications, last = Application.objects.filter(stage__in=PATH[2:5])[:3]
    for application in applications:
        job = request_document(application, DocumentType.INDICATIVE_LETTER, manager)
        generate(Order(application.pk, DocumentType.INDICATIVE_LETTER, manager.pk, str(job.pk)))
    waiting = request_document(last, DocumentType.APPLICATION_FORM, manager)
    DocumentJob.objects.filter(pk=waiting.pk).update(created_at=now() - timedelta(hours=1))


def _things_to_remember(manager: User) -> None:
    """Notes to be reminded of now, in two minutes and tomorrow, and mails that are to go out later."""
    first, second, third = Application.objects.order_by("pk")[:3]
    tomorrow_at_nine = start_of(today() + timedelta(days=1)) + timedelta(hours=9)
    add_note(first, "Ask for the second payslip", "The one of last month is missing.", now(), manager)
    add_note(second, "Ring Dan back", "He wants to know about fixed rates.", now() + timedelta(minutes=2), manager)
    add_note(third, "Order the valuation", "Check access to the block first.", tomorrow_at_nine, manager)
    add_note(first, "Papers received", "Contract of sale and identification.", by=manager, is_internal=False)
    for moment, subject in ((now(), "Your appointment today"), (tomorrow_at_nine, "Your appointment this week")):
        Reminder.objects.create(
            recipient_type=Reminder.RecipientType.CLIENT,
            recipient_email=_address("Eve Ellery", "clients"),
            send_datetime=moment,
            subject=subject,
            email_body="We look forward to seeing you. Please bring your identification.",
            send_as_user=manager,
            reply_to_user=manager,
            related_application=third,
            created_by=manager,
        )


def _address(name: str, firm: str) -> str:
    return f"{name.lower().replace(' ', '.')}@{firm}.example"
