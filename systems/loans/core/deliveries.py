"""Send a message at most once: claim it, send it, confirm it.

The claim is a conditional UPDATE that is committed before the message leaves. Of two workers, one gets it. A worker
that dies in between leaves a claim that nobody confirms; `in_doubt` finds it, and the office decides: `send_again`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta

from celery.exceptions import SoftTimeLimitExceeded
from django.db.models import Exists, F, Q, QuerySet

from core.clock import now
from core.models import DeliveryLedger

#: So often a message that is refused is tried whenever its sweep runs; from then on, once in each `PAUSE`.
MAX_ATTEMPTS = 10
PAUSE = timedelta(hours=6)
DOUBTFUL_AFTER = timedelta(hours=1)

Status = DeliveryLedger.Status
OPEN = (Status.PENDING, Status.FAILED)


@dataclass(frozen=True, slots=True)
class Key:
    """What makes a message the same message."""

    task: str
    object: str
    kind: str
    recipient: str
    period: str = ""


class NotAccepted(Exception):
    """The mail server took the message for nobody."""


def prepare(keys: Iterable[Key]) -> dict[Key, DeliveryLedger]:
    """The deliveries of these messages, made where they are missing: a fixed number of statements for a batch."""
    wanted = list(dict.fromkeys(keys))
    if not wanted:
        return {}
    DeliveryLedger.objects.bulk_create(
        [
            DeliveryLedger(task=k.task, object=k.object, kind=k.kind, recipient=k.recipient, period=k.period)
            for k in wanted
        ],
        ignore_conflicts=True,
    )
    found = DeliveryLedger.objects.filter(
        task__in={k.task for k in wanted}, object__in={k.object for k in wanted}, kind__in={k.kind for k in wanted}
    )
    by_key = {Key(row.task, row.object, row.kind, row.recipient, row.period): row for row in found}
    return {key: by_key[key] for key in wanted}


def is_open(delivery: DeliveryLedger) -> bool:
    """May it be sent now?"""
    return delivery.status in OPEN and (
        delivery.attempts < MAX_ATTEMPTS or delivery.claimed_at is None or delivery.claimed_at <= now() - PAUSE
    )


def claim(delivery: DeliveryLedger, *, only_if: Exists | Q | None = None) -> bool:
    """Take the right to send it: False when it was sent or tried since it was read, or `only_if` no longer holds."""
    if not is_open(delivery):
        return False
    rows = DeliveryLedger.objects.filter(pk=delivery.pk, status__in=OPEN, attempts=delivery.attempts)
    if only_if is not None:
        rows = rows.filter(only_if)
    return rows.update(status=Status.CLAIMED, claimed_at=now(), attempts=F("attempts") + 1) == 1


def deliver(delivery: DeliveryLedger, send: Callable[[], object], *, only_if: Exists | Q | None = None) -> bool:
    """Claim it, send it and confirm it. False when there was nothing to send.

    A connection that breaks before the server has answered counts as a failure: rather once too often than never. A
    worker that is stopped while it sends says nothing at all: the message stays claimed, and is in doubt.

    Raises:
        Exception: whatever `send` raises; the delivery can then be tried again.
    """
    if not claim(delivery, only_if=only_if):
        return False
    try:
        if not send():
            raise NotAccepted(f"the mail server did not accept the message to {delivery.recipient}")
    except SoftTimeLimitExceeded:
        raise
    except Exception as error:
        _settle(delivery, status=Status.FAILED, error=f"{type(error).__name__}: {error}")
        raise
    _settle(delivery, status=Status.SENT, sent_at=now(), error="")
    return True


def in_doubt() -> QuerySet[DeliveryLedger]:
    """Messages whose worker died while it sent them: nobody knows whether they arrived."""
    return DeliveryLedger.objects.filter(status=Status.CLAIMED, claimed_at__lte=now() - DOUBTFUL_AFTER)


def given_up() -> QuerySet[DeliveryLedger]:
    """Messages that were refused so often that they are hardly tried any more: their address must be wrong."""
    return DeliveryLedger.objects.filter(status=Status.FAILED, attempts__gte=MAX_ATTEMPTS)


def send_again(deliveries: QuerySet[DeliveryLedger]) -> int:
    """Open those that are in doubt or given up, so that the next run sends them; how many that were."""
    waiting = Q(pk__in=in_doubt().values("pk")) | Q(pk__in=given_up().values("pk"))
    return deliveries.filter(waiting).update(status=Status.PENDING, attempts=0, claimed_at=None)


def _settle(delivery: DeliveryLedger, **values: object) -> None:
    DeliveryLedger.objects.filter(pk=delivery.pk, status=Status.CLAIMED).update(**values)
