"""What the pages of the office show, each in a fixed number of queries."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from django.conf import settings
from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet, Sum, Value, Window
from django.db.models.functions import Coalesce, Concat, RowNumber

from applications.access import may
from applications.models import CLOSED, FALLEN_THROUGH, Application, Stage
from applications.selectors import scope_of
from borrowers.models import Borrower
from core.clock import day_of, now, today
from documents.models import DUE_SOON_DAYS, DocumentJob, Repayment
from documents.selectors import visible_repayments

if TYPE_CHECKING:
    from users.models import User

#: So many cards of a stage are shown; the search finds the others.
CARDS = 50
#: So many of the instalments to come are shown with an application.
INSTALMENTS = 6
OPEN = tuple(stage for stage in Stage if stage not in CLOSED)


@dataclass(frozen=True, slots=True)
class Card:
    """An application on the board."""

    application: Application
    days: int
    is_stale: bool
    may_move: bool


@dataclass(frozen=True, slots=True)
class Column:
    """A stage: how many applications it has and what they are worth, and the first of them."""

    stage: Stage
    count: int
    total: Decimal
    cards: list[Card]


@dataclass(frozen=True, slots=True)
class Board:
    """The pipeline: the stages asked for, and how many have left it."""

    columns: list[Column]
    closed: list[Column]
    found: int


def board(user: User, q: str = "", stage: str = "") -> Board:
    """The applications that a person may see, by stage: those that wait longest first, the latest first if closed."""
    rows = _matching(Application.objects.filter(scope_of(user)), q)
    sums = {
        row["stage"]: row for row in rows.values("stage").order_by().annotate(n=Count("pk"), sum=Sum("loan_amount"))
    }
    may_move = may(user, "update_stage")
    stages = [Stage(stage)] if stage else list(OPEN)
    cards: dict[str, list[Card]] = {each: [] for each in stages}
    for application in _first_of_each(rows.filter(stage__in=stages), latest_first=stage in CLOSED):
        cards[application.stage].append(_card(application, may_move=may_move))

    def column(each: Stage) -> Column:
        row = sums.get(each, {"n": 0, "sum": None})
        return Column(each, row["n"], row["sum"] or Decimal(0), cards.get(each, []))

    columns = [column(each) for each in stages]
    return Board(columns, [column(each) for each in CLOSED], sum(each.count for each in columns))


def _first_of_each(rows: QuerySet[Application], *, latest_first: bool) -> QuerySet[Application]:
    since = F("since").desc() if latest_first else F("since").asc()
    place = Window(RowNumber(), partition_by=F("stage"), order_by=[since, "pk"])
    ranked = rows.annotate(since=Coalesce("stage_last_updated", "created_at")).annotate(place=place)
    return ranked.filter(place__lte=CARDS).select_related("broker").prefetch_related("borrowers").order_by("place")


def _card(application: Application, *, may_move: bool) -> Card:
    since = application.in_stage_since
    is_stale = not application.is_closed and since <= now() - settings.STALE_AFTER
    days = (today() - day_of(since)).days
    return Card(application, days, is_stale, may_move and not application.is_closed)


def application_for(user: User, pk: int) -> QuerySet[Application]:
    """One application with everything that its page shows; empty for a person who may not see it."""
    return (
        Application.objects.filter(scope_of(user), pk=pk)
        .select_related("broker", "bd", "branch", "created_by")
        .prefetch_related(
            "borrowers", "guarantors", "notes__created_by", "fees", "repayments", "documents",
            "stage_changes__changed_by", "document_jobs",
        )
    )  # fmt: skip


def unfinished_jobs(application: Application) -> list[DocumentJob]:
    """The papers of the last day that were asked for and are not there; from what `application_for` fetched."""
    yesterday = now() - timedelta(days=1)
    jobs = application.document_jobs.all()
    return [job for job in jobs if job.document_id is None and job.created_at >= yesterday]


def instalments(application: Application, *, every: bool) -> list[Repayment]:
    """Its repayments: every one, or the last that was paid and the next to be paid. A loan of thirty years has 360."""
    rows = list(application.repayments.all())
    if every:
        return rows
    unpaid = [row for row in rows if row.paid_date is None]
    paid = [row for row in rows if row.paid_date is not None]
    return sorted(paid[-1:] + unpaid[:INSTALMENTS], key=lambda row: row.due_date)


def unpaid_repayments(user: User) -> QuerySet[Repayment]:
    """What is still to be paid on applications that a person may see and that came to something."""
    rows = visible_repayments(user).filter(paid_date__isnull=True)
    return rows.exclude(application__stage__in=FALLEN_THROUGH)


@dataclass(frozen=True, slots=True)
class Due:
    """What is to be paid: how much in each class, and the rows of the one asked for."""

    counts: dict[str, int]
    total: Decimal
    rows: QuerySet[Repayment]
    found: int


def due(user: User, q: str = "", show: str = "unpaid") -> Due:
    """The unpaid repayments, earliest first: `overdue`, `soon` (in seven days, and today) or `unpaid` (all of them)."""
    rows = _matching(unpaid_repayments(user), q, "application__")
    overdue = Q(due_date__lt=today())
    soon = Q(due_date__gte=today(), due_date__lte=today() + timedelta(days=DUE_SOON_DAYS))
    classes = {"overdue": overdue, "soon": soon, "unpaid": Q()}
    sums = rows.aggregate(
        overdue=Count("pk", filter=overdue),
        soon=Count("pk", filter=soon),
        unpaid=Count("pk"),
        total=Sum("amount", filter=classes[show]),
    )
    total = sums.pop("total") or Decimal(0)
    wanted = rows.filter(classes[show]).select_related("application").prefetch_related("application__borrowers")
    return Due(sums, total, wanted.order_by("due_date", "pk"), sums[show])


def _matching(rows: QuerySet, q: str, prefix: str = "") -> QuerySet:
    """Those whose reference, broker or borrower has these words; none comes twice, as it would with a join."""
    if not q:
        return rows
    name = Concat("first_name", Value(" "), "last_name", Value(" "), "company_name")
    borrowers = Borrower.objects.annotate(whole=name).filter(applications=OuterRef(f"{prefix}pk"), whole__icontains=q)
    reference = Q(**{f"{prefix}reference_number__icontains": q})
    return rows.filter(reference | Q(**{f"{prefix}broker__name__icontains": q}) | Exists(borrowers))
