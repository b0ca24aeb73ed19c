"""What stands in a letter about an application: plain values for the templates, and the sheet around them."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.template.loader import render_to_string
from django.utils.text import Truncator

from applications.models import Application, Stage
from borrowers.models import Borrower
from core.clock import day_of
from core.errors import NotPossible
from documents.annuity import Part, amortise, due_date, instalments_in, rate_of
from documents.models import DocumentType

#: What can be generated, and from which template.
TEMPLATES = {
    kind: f"documents/{kind.value}.html"
    for kind in (DocumentType.APPLICATION_FORM, DocumentType.INDICATIVE_LETTER, DocumentType.FORMAL_APPROVAL)
}
APPROVED = (Stage.FORMAL_APPROVAL, Stage.SETTLEMENT, Stage.FUNDED)
OPEN = "to be agreed"
SHOWN_INSTALMENTS = 12


def template_for(name: str) -> DocumentType:
    """The kind of letter that a template is: `indicative_letter`, `indicative_letter.html`, with or without a folder.

    Raises:
        NotPossible: there is no such template. The name is only looked up, never used as a path.
    """
    kinds = {
        spelling: kind for kind, path in TEMPLATES.items() for spelling in (kind.value, f"{kind.value}.html", path)
    }
    if name not in kinds:
        known = ", ".join(TEMPLATES)
        raise NotPossible(f"{str(name)!r} is not a document that can be generated; choose one of {known}.")
    return kinds[name]


def write(kind: DocumentType, application: Application, moment: datetime, extra: dict[str, Any] | None = None) -> str:
    """The body of a letter as HTML; `extra` adds to, or replaces, what the application says."""
    return render_to_string(TEMPLATES[kind], {**_facts(application, day_of(moment)), **(extra or {})})


def print_out(kind: DocumentType, application: Application, body: str, moment: datetime) -> bytes:
    """The letter as a PDF, on the paper of the application's branch."""
    from documents.pdf import Sheet, render  # a third of the start of each process, and most of them never print

    branch = application.branch
    contact = [branch.name, branch.address.replace("\n", ", "), branch.phone, branch.email] if branch else []
    sheet = Sheet(
        title=str(kind.label),
        reference=application.reference_number,
        sender=settings.COMPANY_NAME,
        contact=" · ".join(part for part in contact if part) or settings.DEFAULT_FROM_EMAIL,
        made_at=moment,
        is_draft=kind == DocumentType.FORMAL_APPROVAL and application.stage not in APPROVED,
    )
    return render(body, sheet)


def _facts(application: Application, day: date) -> dict[str, Any]:
    parts = _parts(application)
    return {
        "application": application,
        "company": settings.COMPANY_NAME,
        "date": _day(day),
        "borrowers": [_person(borrower) for borrower in application.borrowers.all()],
        "guarantors": [guarantor.name for guarantor in application.guarantors.all()],
        "terms": _terms(application),
        "figures": _figures(application, parts),
        "plan": _plan(application, parts),
        "is_approved": application.stage in APPROVED,
        "signed_on": _day(application.signature_date),
    }


def _person(borrower: Borrower) -> dict[str, Any]:
    return {
        "name": borrower.name,
        "lines": [line for line in Truncator(borrower.address).chars(300).splitlines() if line.strip()],
        "details": [
            ("Address", Truncator(borrower.address).chars(300) or "not given"),
            ("E-mail", borrower.mail_address or "not given"),
            ("Telephone", borrower.phone or "not given"),
            ("Date of birth", _day(borrower.date_of_birth) or "not given"),
            ("Income a year", _money(borrower.annual_income) if borrower.annual_income is not None else "not given"),
        ],
    }


def _terms(application: Application) -> list[tuple[str, str]]:
    term, rate = application.loan_term, application.interest_rate
    settlement = application.estimated_settlement_date
    return [
        ("Reference", application.reference_number),
        ("Kind of loan", application.application_type or OPEN),
        ("Loan amount", _money(application.loan_amount)),
        ("Term", f"{term} months" if term else OPEN),
        ("Interest rate", f"{rate} % a year" if rate is not None else OPEN),
        ("Repayments", application.get_repayment_frequency_display()),
        ("Estimated settlement", _day(settlement) or OPEN),
    ]


def _parts(application: Application) -> list[Part]:
    """The instalments as they would be; none as long as the terms are not known."""
    loan, term, rate = application.loan_amount, application.loan_term, application.interest_rate
    if not loan or not term or rate is None:
        return []
    frequency = application.repayment_frequency
    return amortise(loan, rate_of(rate, frequency), instalments_in(term, frequency))


def _figures(application: Application, parts: list[Part]) -> list[tuple[str, str]]:
    if not parts:
        return []
    interest = sum((part.interest for part in parts), Decimal())
    return [
        ("Number of repayments", str(len(parts))),
        (f"{application.get_repayment_frequency_display()} repayment", _money(parts[0].amount)),
        ("Last repayment", _money(parts[-1].amount)),
        ("Interest over the term", _money(interest)),
        ("Repaid in all", _money(sum((part.amount for part in parts), Decimal()))),
    ]


def _plan(application: Application, parts: list[Part]) -> list[tuple[str, ...]]:
    """The first instalments with their days; none before a settlement is expected."""
    start = application.estimated_settlement_date
    if start is None:
        return []
    return [
        (str(number), _day(due_date(start, application.repayment_frequency, number)), *map(_money, _sums(part)))
        for number, part in enumerate(parts[:SHOWN_INSTALMENTS], 1)
    ]


def _sums(part: Part) -> tuple[Decimal, ...]:
    return part.amount, part.interest, part.principal, part.balance


def _money(amount: Decimal | None) -> str:
    return OPEN if amount is None else f"AUD {amount:,.2f}"


def _day(day: date | None) -> str:
    return f"{day.day} {day:%B %Y}" if day else ""
