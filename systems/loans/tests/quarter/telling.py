"""Tells the quarter to somebody who was not there."""

from __future__ import annotations

from documents.models import Repayment
from tests.quarter.life import FIRST, LAST, Life
from tests.quarter.office import NAMES, address, local
from tests.quarter.promises import Verdict

WIDTH = 58


def summary(life: Life, verdicts: list[Verdict], days: int) -> str:
    """What happened, which promises were held, and the story of one loan."""
    held = sum(not verdict.broken for verdict in verdicts)
    lines = [
        f"Loans: {days} days of a small office on the bench, {FIRST:%d %B} to {LAST:%d %B %Y} in Sydney",
        "",
        "  What went wrong on purpose",
        *(f"    {moment:%d %b %H:%M}  {what}" for moment, what in life.told),
        "",
        "  What is promised",
        *(line for verdict in verdicts for line in _verdict(verdict)),
        "",
        f"  One loan of many: {NAMES[4]} pays eight days late",
        *(f"    {line}" for line in story(life, 4)),
        "",
        f"  {held} of {len(verdicts)} promises held. {life.bench.tally()}".replace("<Tally ", "Tasks: ").replace(
            ">", ""
        ),
    ]
    return "\n".join(lines)


def _verdict(verdict: Verdict) -> list[str]:
    mark = "BROKEN" if verdict.broken else "held"
    line = f"    {mark:<8}{verdict.promise:<{WIDTH}}{verdict.seen}"
    return [line, *(f"            {text}" for text in verdict.broken[:10])]


def story(life: Life, number: int) -> list[str]:
    """What one borrower and their manager saw of one loan, in order."""
    loan = life.office.loans[number]
    seen = [
        (mail.at, f"mail to {mail.to}: {mail.subject}")
        for mail in life.mailbox.mails
        if loan.reference_number in mail.body and (mail.to == address(NAMES[number]) or "ESCALATION" in mail.subject)
    ]
    for row in Repayment.objects.filter(application=loan):
        seen.append((local(row.due_date, 0), f"{row.amount} is due"))
        if row.paid_date:
            seen.append((local(row.paid_date, 12), f"{row.paid_amount} is paid"))
    first, last = local(FIRST, 0), life.bench.now
    return [
        f"{moment.astimezone(first.tzinfo):%d %b %H:%M}  {what}"
        for moment, what in sorted(seen)
        if first <= moment <= last
    ]
