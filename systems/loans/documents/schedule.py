"""The repayment schedule of an application: when which instalment is due."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.db import transaction

from applications.models import FALLEN_THROUGH, Application
from core.clock import today
from core.errors import NotPossible
from documents import ledger
from documents.annuity import amortise, due_date, grown, instalments_in, rate_of, start_before
from documents.models import Repayment
from documents.money import as_due_day

if TYPE_CHECKING:
    from users.models import User

LONGEST_TERM = 360
#: What was sent about an instalment stays known when another takes its place on the same day.
TOLD = [
    f"{name}{end}"
    for name in ("reminder_sent", "overdue_3_day_sent", "overdue_7_day_sent", "overdue_10_day_sent")
    for end in ("", "_at")
]


@dataclass(frozen=True, slots=True)
class Terms:
    """What a schedule is made of."""

    loan: Decimal
    rate: Decimal
    frequency: str
    count: int
    start: date

    def days(self) -> list[date]:
        """When the instalments are due, first to last."""
        return [due_date(self.start, self.frequency, number) for number in range(1, self.count + 1)]


@transaction.atomic
def generate_repayment_schedule(
    application: Application, user: User | None, start: date | None = None
) -> list[Repayment]:
    """Make the instalments that are still to come, in place of the unpaid ones, and give them back.

    The loan starts on `start`, or else on the estimated settlement date, or else today; the first instalment is due one
    period later. Paid instalments stay. With them, the new ones are those of the regular days after the last paid one,
    and they repay what is open then: the loan with its interest up to that day, less what was paid.

    Raises:
        NotPossible: amount, term or rate is missing, or there is nothing to repay. Then all stays as it was.
    """
    # Not locked against references: a payment at this moment writes one into the ledger, and holds its instalment.
    application = Application.objects.select_for_update(no_key=True).get(pk=application.pk)
    rows = list(application.repayments.select_for_update().order_by("due_date", "pk"))
    paid = [row for row in rows if row.paid_date is not None]
    terms = _terms(application, as_due_day(start or _start(application, paid)))
    days, balance = _open(terms, paid)
    plan = zip(days, amortise(balance, terms.rate, len(days)), strict=True)
    told = _replace(application, [row for row in rows if row.paid_date is None], user)
    made = Repayment.objects.bulk_create(
        Repayment(application=application, amount=part.amount, due_date=day, created_by=user, **told.get(day, {}))
        for day, part in plan
    )
    ledger.repayments_scheduled(made, user)
    return made


def _terms(application: Application, start: date) -> Terms:
    needed = {
        "amount": application.loan_amount,
        "term": application.loan_term,
        "interest rate": application.interest_rate,
    }
    missing = [name for name, value in needed.items() if value is None]
    if missing:
        raise NotPossible(f"{application} has no {' and no '.join(missing)}; enter it before making a schedule.")
    if application.stage in FALLEN_THROUGH:
        raise NotPossible(f"{application} is {application.get_stage_display().lower()}; there is nothing to repay.")
    loan, term, rate = needed.values()
    if loan <= 0 or not 1 <= term <= LONGEST_TERM or rate < 0:
        raise NotPossible(
            f"No schedule can be made of {loan} over {term} months at {rate} %: the amount must be more than 0, "
            f"the term 1 to {LONGEST_TERM} months, and the rate not below 0."
        )
    frequency = application.repayment_frequency
    return Terms(loan, rate_of(rate, frequency), frequency, instalments_in(term, frequency), start)


def _start(application: Application, paid: list[Repayment]) -> date:
    if application.estimated_settlement_date is not None:
        return application.estimated_settlement_date
    if not paid:
        return today()
    day_of_month = max(row.due_date.day for row in paid)
    return start_before(paid[0].due_date, application.repayment_frequency, day_of_month)


def _open(terms: Terms, paid: list[Repayment]) -> tuple[list[date], Decimal]:
    """The days on which something is still due, and what is then to be repaid."""
    days, balance, passed = terms.days(), terms.loan, 0
    for row in paid:
        before = bisect_right(days, row.due_date)
        balance = grown(balance, terms.rate, before - passed)
        balance -= row.amount if row.paid_amount is None else row.paid_amount
        passed = before
    if balance <= 0:
        raise NotPossible("The loan is repaid; there is nothing to make a schedule of.")
    if passed == len(days):
        raise NotPossible(f"{balance} is still open, but the last instalment of the term is paid; lengthen the term.")
    return days[passed:], balance


def _replace(application: Application, unpaid: list[Repayment], user: User | None) -> dict[date, dict[str, Any]]:
    """Take the unpaid instalments away, and tell what was sent about which day."""
    if not unpaid:
        return {}
    Repayment.objects.filter(pk__in=[row.pk for row in unpaid]).delete()
    total = sum((row.amount for row in unpaid), Decimal(0))
    ledger.no_longer_due(application, total, f"{len(unpaid)} unpaid instalments replaced by a new schedule", user)
    return {row.due_date: {name: getattr(row, name) for name in TOLD} for row in unpaid}
