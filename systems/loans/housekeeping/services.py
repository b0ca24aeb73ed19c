"""What is removed, and when. What failed or is in doubt stays until somebody has looked at it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from django.contrib.sessions.backends.db import SessionStore
from django.db.models import Q, QuerySet

from core import deliveries
from core.clock import now, today
from core.models import DeliveryLedger, EmailLog
from documents.files import remove_stale_temp_files
from users.models import Notification, NotificationType, Role, User
from users.notices import notify

KEEP_DELIVERIES = timedelta(days=400)
KEEP_READ_NOTIFICATIONS = timedelta(days=180)
KEEP_EMAIL_LOGS = timedelta(days=180)
BATCH = 1000


@dataclass(slots=True)
class Removed:
    """How much went away, and how many deliveries wait for a decision."""

    deliveries: int = 0
    notifications: int = 0
    email_logs: int = 0
    files: int = 0
    in_doubt: int = 0

    def as_dict(self) -> dict[str, int]:
        """As the result of a task, which must be plain data."""
        return asdict(self)


def clean_up() -> Removed:
    """Remove what nobody needs any more, and tell the administrators of deliveries in doubt, once a day."""
    moment = now()
    SessionStore.clear_expired()
    return Removed(
        deliveries=_remove(_sent_before(moment - KEEP_DELIVERIES)),
        notifications=_remove(
            Notification.objects.filter(is_read=True, created_at__lt=moment - KEEP_READ_NOTIFICATIONS)
        ),
        email_logs=_remove(
            EmailLog.objects.filter(status=EmailLog.Status.SENT, created_at__lt=moment - KEEP_EMAIL_LOGS)
        ),
        files=remove_stale_temp_files(),
        in_doubt=tell_of_doubt(),
    )


def tell_of_doubt() -> int:
    """How many deliveries are in doubt; if there are any, each administrator is told once on each day."""
    count = deliveries.in_doubt().count()
    if count:
        for user in User.objects.filter(Q(role=Role.ADMIN) | Q(is_superuser=True), is_active=True):
            notify(
                user,
                NotificationType.SYSTEM,
                "Deliveries in doubt",
                f"{count} messages were being sent when their worker died; nobody knows whether they arrived. "
                "Look at “Deliveries” in the administration, with the filter “in doubt”, and send them again or not.",
                dedupe_key=f"in_doubt:{today()}:{user.pk}",
            )
    return count


def _sent_before(moment: datetime) -> QuerySet[DeliveryLedger]:
    return DeliveryLedger.objects.filter(status=DeliveryLedger.Status.SENT, sent_at__lt=moment)


def _remove(rows: QuerySet) -> int:
    """Delete them a batch at a time, so that no statement and no lock is long."""
    total = 0
    while keys := list(rows.order_by("pk").values_list("pk", flat=True)[:BATCH]):
        rows.model.objects.filter(pk__in=keys).delete()
        total += len(keys)
    return total
