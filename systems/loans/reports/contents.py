"""What is in a stored report: the figures as they were when the period ended, and the same as text for a mail.

A report that is made late, after an outage, has the same figures as one in time: payments after the period, and moves
of applications after it, are not in it.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db.models import Q

from core.periods import Period
from reports import selectors
from reports.models import Report

WORST = 20  # applications that a compliance check names


def week_in_figures(period: Period) -> dict[str, Any]:
    """What came in during a week, where everything stood at its end, and how well was repaid."""
    end = period.moments[1]
    made = selectors.made_in(period, Q())
    return plain(
        {
            "volume": selectors.volume_total(made),
            "volume_by_broker": list(selectors.volume(made, "week", "broker")),
            "status": selectors.status(selectors.made_before(end), as_of=end),
            "compliance": selectors.compliance_total(selectors.due_in(period, Q(), as_of=end), **_end_of(period)),
        }
    )


def month_in_figures(period: Period) -> dict[str, Any]:
    """How well was repaid in a month, and who owes most of it."""
    due = selectors.due_in(period, Q(), as_of=period.moments[1])
    return plain(
        {
            "compliance": selectors.compliance_total(due, **_end_of(period)),
            "worst": selectors.worst_payers(due, WORST, **_end_of(period)),
        }
    )


def as_text(report: Report) -> str:
    """The report as the body of a mail."""
    data = report.data
    lines = [f"{report.get_kind_display()} for {Period(report.period_start, report.period_end)}", ""]
    if volume := data.get("volume"):
        lines += [f"New applications: {volume['applications']}, together AUD {volume['amount']}", ""]
    if status := data.get("status"):
        lines += ["Applications by stage at the end of the week:"]
        lines += [f"- {row['stage']}: {row['applications']}, AUD {row['amount']}" for row in status]
        lines += [""]
    lines += _repaid(data["compliance"])
    lines += [
        f"- {row['reference_number']}: {row['unpaid']} unpaid, AUD {row['unpaid_amount']}"
        for row in data.get("worst", [])
    ]
    return "\n".join(lines) + "\n"


def plain(value: Any) -> Any:
    """Figures as JSON can hold them: amounts and rates as text, so that no cent is lost."""
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [plain(inner) for inner in value]
    return value if value is None or isinstance(value, int | str) else str(value)


def _repaid(row: dict[str, Any]) -> list[str]:
    rates = "" if row["paid_rate"] is None else f" ({row['paid_rate']} % paid, {row['on_time_rate']} % on time)"
    return [
        f"Instalments due: {row['due']}, together AUD {row['due_amount']}{rates}",
        f"- paid on time: {row['paid_on_time']}",
        f"- paid late: {row['paid_late']}",
        f"- unpaid: {row['unpaid']}, together AUD {row['unpaid_amount']}",
    ]


def _end_of(period: Period) -> dict[str, Any]:
    return {"paid_until": period.last, "overdue_before": period.last + timedelta(days=1)}
