"""How the background work is doing, in words for people who do not write it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from celery import states
from django.db.models import Count, Q
from django_celery_results.models import TaskResult

from core.deliveries import given_up
from core.models import DeliveryLedger

#: So many of the latest results are shown.
RECENT = 50
RUNNING = (states.PENDING, states.RECEIVED, states.STARTED, states.RETRY, "PROGRESS")

WORDS = {
    states.PENDING: ("Waiting", "neutral"),
    states.RECEIVED: ("Waiting", "neutral"),
    states.STARTED: ("Running", "info"),
    "PROGRESS": ("Running", "info"),
    states.RETRY: ("Will be tried again", "warn"),
    states.SUCCESS: ("Done", "good"),
    states.FAILURE: ("Failed", "bad"),
    states.REVOKED: ("Cancelled", "neutral"),
}

#: What the class of an error means to somebody who waits for the work.
CAUSES = {
    "ConnectionRefusedError": "A server it needs did not answer",
    "MailServerDown": "The mail server did not answer",
    "NotAccepted": "The mail server did not take a message",
    "OperationalError": "The database did not answer",
    "SMTPConnectError": "The mail server did not answer",
    "SMTPServerDisconnected": "The mail server broke off",
    "SMTPRecipientsRefused": "The mail server refused the address",
    "SoftTimeLimitExceeded": "It took too long and was stopped",
    "TimeLimitExceeded": "It took too long and was stopped",
    "WorkerLostError": "Its worker died",
}


@dataclass(frozen=True, slots=True)
class JobLine:
    """One run of a task."""

    name: str
    task_id: str
    state: str
    tone: str
    started_at: datetime | None
    finished_at: datetime | None
    progress: int | None
    text: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """A message that was given up, and why."""

    delivery: DeliveryLedger
    reason: str


def recent_jobs(show: str = "all") -> list[JobLine]:
    """The latest results: all of them, those that are not finished (`running`) or those that failed (`failed`)."""
    wanted = {"running": Q(status__in=RUNNING), "failed": Q(status=states.FAILURE)}.get(show, Q())
    return [_line(row) for row in TaskResult.objects.filter(wanted).order_by("-date_created", "-pk")[:RECENT]]


def job_counts() -> dict[str, int]:
    """How many results there are of each class."""
    return TaskResult.objects.aggregate(
        all=Count("pk"),
        running=Count("pk", filter=Q(status__in=RUNNING)),
        failed=Count("pk", filter=Q(status=states.FAILURE)),
    )


def delivery_counts() -> dict[str, int]:
    """How many messages stand where."""
    rows = DeliveryLedger.objects.values_list("status").annotate(n=Count("pk")).order_by()
    return dict.fromkeys(DeliveryLedger.Status.values, 0) | dict(rows)


def refusals() -> list[Refusal]:
    """The messages that were given up: those first that were tried least recently."""
    rows = given_up().order_by("claimed_at", "pk")[:RECENT]
    return [Refusal(row, plain_refusal(row.error)) for row in rows]


def plain_refusal(error: str) -> str:
    """Why a message was not accepted, from what its delivery wrote down: the cause in plain words, then the rest."""
    name, _, said = error.partition(": ")
    return f"{CAUSES.get(name, 'It could not be sent')}: {said or name}"


def plain_error(result: Any) -> str:
    """Why a task failed: the cause in plain words, then what the program said."""
    if not isinstance(result, dict) or "exc_type" not in result:
        return "It failed without saying why."
    message = result.get("exc_message", "")
    said = " ".join(str(part) for part in message) if isinstance(message, list) else str(message)
    return f"{CAUSES.get(result['exc_type'], 'It stopped with an error')}: {said or result['exc_type']}"


def _line(row: TaskResult) -> JobLine:
    state, tone = WORDS.get(row.status, (row.status.capitalize(), "neutral"))
    result = _plain(row.result)
    finished = row.status in states.READY_STATES
    progress, text = None, ""
    if row.status == "PROGRESS" and isinstance(result, dict):
        progress, text = result.get("progress"), result.get("message", "")
    elif row.status in {states.FAILURE, states.RETRY}:
        text = plain_error(result)
    elif row.status == states.SUCCESS:
        text = _summary(result)
    return JobLine(
        name=human_name(row.task_name or ""),
        task_id=row.task_id,
        state=state,
        tone=tone,
        started_at=row.date_started or row.date_created,
        finished_at=row.date_done if finished else None,
        progress=progress,
        text=text,
    )


def human_name(task_name: str) -> str:
    """`documents.tasks.generate_document_async` as people say it."""
    words = task_name.rpartition(".")[2].removesuffix("_async").replace("_", " ")
    return words.capitalize() or "Unknown task"


def _summary(result: Any) -> str:
    if isinstance(result, dict):
        return ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in result.items())
    return "" if result is None else str(result)


def _plain(stored: str | None) -> Any:
    try:
        return json.loads(stored or "null")
    except ValueError:
        return stored
