"""What the figures are: how well is repaid, what came in, and where it stands. Each is one statement."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from django.db.models import (
    Avg,
    Count,
    DateField,
    DurationField,
    ExpressionWrapper,
    F,
    IntegerField,
    Max,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Sum,
    Value,
)
from django.db.models.functions import Coalesce, TruncMonth, TruncWeek

from applications.models import FALLEN_THROUGH, Application, Stage, StageChange
from core.clock import now, zone
from core.periods import Period
from documents.models import Repayment

Row = dict[str, Any]

TRUNCATED = {"month": TruncMonth, "week": TruncWeek}
#: What an application can be grouped by: its id, and how it is called.
GROUPS = {"broker": ("broker_id", "broker__name"), "bd": ("bd_id", "bd__name"), "stage": (None, "stage")}
NOTHING = Decimal("0.00")


# --- repayments --------------------------------------------------------------------------------------------------


def due_in(period: Period, scope: Q, *, as_of: datetime | None = None) -> QuerySet[Repayment]:
    """The instalments of a period, without those of applications that had fallen through by then (or by now)."""
    rows = Repayment.objects.filter(scope, due_date__range=(period.first, period.last))
    if as_of is None:
        return rows.exclude(application__stage__in=FALLEN_THROUGH)
    return rows.alias(stage_then=stage_at(as_of, "application__")).exclude(stage_then__in=FALLEN_THROUGH)


def measures(*, paid_until: date, overdue_before: date) -> dict[str, Any]:
    """What is counted: payments up to one day, and as unpaid what was due before another."""
    paid = Q(paid_date__lte=paid_until)
    unpaid = ~paid & Q(due_date__lt=overdue_before)
    received = Coalesce("paid_amount", "amount")
    return {
        "due": Count("pk"),
        "due_amount": Coalesce(Sum("amount"), NOTHING),
        "paid_on_time": Count("pk", filter=paid & Q(paid_date__lte=F("due_date"))),
        "paid_late": Count("pk", filter=paid & Q(paid_date__gt=F("due_date"))),
        "paid_amount": Coalesce(Sum(received, filter=paid), NOTHING),
        "unpaid": Count("pk", filter=unpaid),
        "unpaid_amount": Coalesce(Sum("amount", filter=unpaid), NOTHING),
        "not_yet_due": Count("pk", filter=~paid & Q(due_date__gte=overdue_before)),
    }


def compliance(rows: QuerySet[Repayment], by: str, **days: date) -> Iterator[Row]:
    """How well was repaid, for each month or week in which something was due."""
    found = rows.annotate(period=TRUNCATED[by]("due_date")).values("period").annotate(**measures(**days))
    for row in found.order_by("period").iterator():
        yield with_rates(row)


def compliance_total(rows: QuerySet[Repayment], **days: date) -> Row:
    """The same for all of them together."""
    return with_rates(rows.aggregate(**measures(**days)))


def with_rates(row: Row) -> Row:
    """Add the shares in per cent, of what has come due or was paid already; None if nothing has."""
    settled = row["paid_on_time"] + row["paid_late"]
    row["on_time_rate"] = _percent(row["paid_on_time"], settled + row["unpaid"])
    row["paid_rate"] = _percent(settled, settled + row["unpaid"])
    return in_cents(row)


def worst_payers(rows: QuerySet[Repayment], most: int, **days: date) -> list[Row]:
    """The applications for which most was not paid."""
    wanted = ("unpaid", "unpaid_amount")
    counted = {name: measure for name, measure in measures(**days).items() if name in wanted}
    reference = F("application__reference_number")
    found = rows.values(reference_number=reference).annotate(**counted).filter(unpaid__gt=0)
    return [in_cents(row) for row in found.order_by("-unpaid_amount", "reference_number")[:most]]


# --- applications ------------------------------------------------------------------------------------------------


def made_in(period: Period | None, scope: Q) -> QuerySet[Application]:
    """The applications that were made in a period, or ever."""
    rows = Application.objects.filter(scope)
    if period is None:
        return rows
    start, end = period.moments
    return rows.filter(created_at__gte=start, created_at__lt=end)


def made_before(moment: datetime) -> QuerySet[Application]:
    """The applications that there were at a moment."""
    return Application.objects.filter(created_at__lt=moment)


def volume(rows: QuerySet[Application], by: str, group: str) -> Iterator[Row]:
    """How many applications were made, for how much, in each month or week, and of whom or in which stage."""
    key, name = GROUPS[group]
    found = (
        rows.annotate(period=TRUNCATED[by]("created_at", tzinfo=zone(), output_field=DateField()))
        .values("period", group_id=F(key) if key else Value(None, output_field=IntegerField()), group=F(name))
        .annotate(applications=Count("pk"), amount=Coalesce(Sum("loan_amount"), NOTHING))
    )
    for row in found.order_by("period", "group", "group_id").iterator():
        yield in_cents(row)


def volume_total(rows: QuerySet[Application]) -> Row:
    """The same for all of them together."""
    return in_cents(rows.aggregate(applications=Count("pk"), amount=Coalesce(Sum("loan_amount"), NOTHING)))


def status(rows: QuerySet[Application], *, as_of: datetime | None = None) -> list[Row]:
    """How many applications are in each stage, for how much and how long; now, or as it was at a moment."""
    moment = as_of or now()
    stage = stage_at(moment) if as_of else F("stage")
    since = came_at(moment) if as_of else Coalesce("stage_last_updated", "created_at")
    waited = ExpressionWrapper(Value(moment) - F("since"), output_field=DurationField())
    found = (
        rows.annotate(stage_then=stage, since=since)
        .values("stage_then")
        .annotate(
            applications=Count("pk"),
            amount=Coalesce(Sum("loan_amount"), NOTHING),
            mean=Avg(waited),
            longest=Max(waited),
        )
        .order_by()
    )
    by_stage = {row["stage_then"]: row for row in found}
    return [_status_row(name, by_stage.get(name)) for name in Stage.values]


def _status_row(stage: str, row: Row | None) -> Row:
    empty = {"applications": 0, "amount": NOTHING, "mean": None, "longest": None}
    row = row or empty
    return in_cents(
        {
            "stage": stage,
            "applications": row["applications"],
            "amount": row["amount"],
            "mean_days_in_stage": _days(row["mean"]),
            "longest_days_in_stage": _days(row["longest"]),
        }
    )


# --- as it was then ----------------------------------------------------------------------------------------------


def stage_at(moment: datetime, prefix: str = "") -> Coalesce:
    """In which stage an application was: where the last move before led, else where the first move after began."""
    moves = StageChange.objects.filter(application=OuterRef(f"{prefix}pk"))
    before = moves.filter(changed_at__lt=moment).order_by("-changed_at", "-pk").values("to_stage")[:1]
    after = moves.filter(changed_at__gte=moment).order_by("changed_at", "pk").values("from_stage")[:1]
    return Coalesce(Subquery(before), Subquery(after), F(f"{prefix}stage"))


def came_at(moment: datetime) -> Coalesce:
    """When an application had come to the stage in which it was."""
    moves = StageChange.objects.filter(application=OuterRef("pk"), changed_at__lt=moment)
    return Coalesce(Subquery(moves.order_by("-changed_at", "-pk").values("changed_at")[:1]), F("created_at"))


def in_cents(row: Row) -> Row:
    """Amounts with two decimals, whatever the database makes of a sum."""
    return {name: value.quantize(NOTHING) if name.endswith("amount") else value for name, value in row.items()}


def _percent(part: int, whole: int) -> Decimal | None:
    return (Decimal(100) * part / whole).quantize(Decimal("0.1"), ROUND_HALF_UP) if whole else None


def _days(span: Any) -> Decimal | None:
    return None if span is None else Decimal(span.total_seconds() / 86400).quantize(Decimal("0.1"), ROUND_HALF_UP)
