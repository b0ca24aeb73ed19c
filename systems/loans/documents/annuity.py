"""The arithmetic of a loan that is repaid in equal instalments. Pure: no clock, no database."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal, localcontext

from applications.loan_dates import DAYS, MONTHS, add_months
from applications.models import Frequency
from documents.money import cents

PER_YEAR = {
    Frequency.WEEKLY: 52,
    Frequency.FORTNIGHTLY: 26,
    Frequency.MONTHLY: 12,
    Frequency.QUARTERLY: 4,
    Frequency.ANNUALLY: 1,
}


@dataclass(frozen=True, slots=True)
class Part:
    """One instalment: what it pays of the interest and of the loan, and what then remains of the loan."""

    amount: Decimal
    interest: Decimal
    principal: Decimal
    balance: Decimal


def instalments_in(term: int, frequency: str) -> int:
    """How many instalments a term in months has. A period that is begun counts: 10 months are 4 quarters."""
    return -(-term * PER_YEAR[Frequency(frequency)] // 12)


def rate_of(percent_a_year: Decimal, frequency: str) -> Decimal:
    """The interest of one period: 6 % a year are 0.005 a month."""
    return percent_a_year / 100 / PER_YEAR[Frequency(frequency)]


def due_date(start: date, frequency: str, number: int) -> date:
    """When instalment `number` is due, the first one period after `start`.

    Months are counted from the start each time: after 31 January and 28 February comes 31 March.
    """
    if frequency in DAYS:
        return start + timedelta(days=DAYS[Frequency(frequency)] * number)
    return add_months(start, MONTHS[Frequency(frequency)] * number)


def start_before(first_due: date, frequency: str, day: int) -> date:
    """The start of a loan whose first instalment is due then; `day` is the day of the month that it is paid on."""
    if frequency in DAYS:
        return first_due - timedelta(days=DAYS[Frequency(frequency)])
    month = add_months(first_due.replace(day=1), -MONTHS[Frequency(frequency)])
    last = add_months(month, 1) - timedelta(days=1)
    return month.replace(day=min(day, last.day))


def annuity(loan: Decimal, rate: Decimal, count: int) -> Decimal:
    """The instalment that repays a loan in so many periods: L*i*(1+i)^n / ((1+i)^n - 1)."""
    if not rate:
        return cents(loan / count)
    with localcontext(prec=40):
        growth = (1 + rate) ** count
        return cents(loan * rate * growth / (growth - 1))


def amortise(loan: Decimal, rate: Decimal, count: int) -> list[Part]:
    """Instalments that repay a loan to the cent.

    Interest is rounded to the cent in each period. The principal parts sum to the loan, and the amounts to the loan and
    the interest. All instalments are equal but the last, which takes what rounding left. In a long loan at a high rate
    half a cent can grow to more than an instalment; then each is worked out anew from what remains.
    """
    instalment = annuity(loan, rate, count)
    parts = list(_repay(loan, rate, count, instalment))
    return parts if 0 < parts[-1].amount <= 2 * instalment else list(_repay(loan, rate, count))


def _repay(balance: Decimal, rate: Decimal, count: int, instalment: Decimal | None = None) -> Iterator[Part]:
    for left in range(count, 0, -1):
        interest = cents(balance * rate)
        amount = balance + interest if left == 1 else instalment or annuity(balance, rate, left)
        balance += interest - amount
        yield Part(amount, interest, amount - interest, balance)


def grown(balance: Decimal, rate: Decimal, periods: int) -> Decimal:
    """What a balance comes to when nothing is paid for so many periods."""
    for _ in range(periods):
        balance += cents(balance * rate)
    return balance
