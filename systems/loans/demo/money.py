"""The money of the demo: fees, and loans of which some are repaid well and some are not."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

from applications.loan_dates import DAYS, MONTHS, add_months
from applications.models import PATH, Application, Stage
from core.clock import today
from demo.data import Loan
from documents.fees import create_standard_fees, mark_fee_paid
from documents.payments import record_payment
from documents.schedule import generate_repayment_schedule

if TYPE_CHECKING:
    from users.models import User

WITH_FEES = PATH[PATH.index(Stage.VALUATION) :]


def start_of_loan(loan: Loan) -> date:
    """The day from which the latest instalment falls where the loan says."""
    latest = today() - timedelta(days=loan.due_days_ago)
    periods = loan.periods_ago
    if loan.frequency in DAYS:
        return latest - timedelta(days=DAYS[loan.frequency] * periods)
    return add_months(latest, -MONTHS[loan.frequency] * periods)


def fees_and_instalments(application: Application, loan: Loan | None, by: User) -> None:
    """The standard fees from the valuation on, and of a funded loan the schedule and the payments so far."""
    if application.stage in WITH_FEES:
        fees = create_standard_fees(application, by)
        for fee in fees if loan else fees[:1]:
            mark_fee_paid(fee, today(), by=by)
    if loan:
        instalments = generate_repayment_schedule(application, by)
        due = [row for row in instalments if row.due_date < today()]
        for row in due[: len(due) - loan.unpaid]:
            record_payment(row, row.due_date, by=by)
