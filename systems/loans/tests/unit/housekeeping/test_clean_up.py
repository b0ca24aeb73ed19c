"""The clean-up: what goes, what stays, and what the administrators are told."""

from __future__ import annotations

import os
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.db import connection
from django.test.utils import CaptureQueriesContext

from core.clock import now
from core.models import DeliveryLedger, EmailLog
from documents.files import write_unfinished
from housekeeping import services
from housekeeping.tasks import clean_up
from tests.factories import AdminFactory, DocumentFactory, NotificationFactory, UserFactory
from users.models import Notification

pytestmark = [pytest.mark.task, pytest.mark.django_db]

Status = DeliveryLedger.Status


def ago(days: float) -> datetime:
    return now() - timedelta(days=days)


def delivery(name: str, status: str = Status.SENT, **values: Any) -> DeliveryLedger:
    return DeliveryLedger.objects.create(
        task="t", object=name, kind="k", recipient="a@example.com", status=status, **values
    )


def test_sent_deliveries_go_after_400_days_and_others_stay() -> None:
    delivery("old", sent_at=ago(401))
    delivery("young", sent_at=ago(399))
    delivery("given up", Status.FAILED, claimed_at=ago(900))
    delivery("in doubt", Status.CLAIMED, claimed_at=ago(900))
    assert services.clean_up().deliveries == 1
    left = DeliveryLedger.objects.order_by("pk").values_list("object", flat=True)
    assert list(left) == ["young", "given up", "in doubt"]


def test_read_notifications_go_after_180_days_and_unread_ones_stay() -> None:
    rows = [NotificationFactory(title=name, is_read=name != "unread") for name in ("old", "young", "unread")]
    for row, days in zip(rows, (181, 179, 900), strict=True):
        Notification.objects.filter(pk=row.pk).update(created_at=ago(days))
    assert services.clean_up().notifications == 1
    assert set(Notification.objects.values_list("title", flat=True)) == {"young", "unread"}


def test_sent_e_mails_go_after_180_days_and_failed_ones_stay() -> None:
    for key, status in (("old", "sent"), ("young", "sent"), ("failed", "failed"), ("queued", "queued")):
        EmailLog.objects.create(message_key=key, subject="s", body="b", status=status)
    EmailLog.objects.exclude(message_key="young").update(created_at=ago(181))
    assert services.clean_up().email_logs == 1
    assert set(EmailLog.objects.values_list("message_key", flat=True)) == {"young", "failed", "queued"}


def test_unfinished_files_go_after_a_day_and_documents_stay(settings: Any) -> None:
    media = Path(settings.MEDIA_ROOT)
    document = DocumentFactory()
    for content, days in ((b"%PDF old", 2), (b"%PDF young", 0.5)):
        file = media / write_unfinished(content)
        os.utime(file, (ago(days).timestamp(),) * 2)
    assert services.clean_up().files == 1
    assert [file.read_bytes() for file in media.rglob("*.part")] == [b"%PDF young"]
    assert (media / document.file.name).exists()


def test_without_a_single_file_nothing_is_wrong() -> None:
    assert services.clean_up().files == 0


def test_sessions_that_ended_go() -> None:
    Session.objects.create(session_key="over", session_data="", expire_date=ago(1))
    Session.objects.create(session_key="valid", session_data="", expire_date=ago(-1))
    services.clean_up()
    assert [session.session_key for session in Session.objects.all()] == ["valid"]


def test_many_rows_go_in_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "BATCH", 10)
    DeliveryLedger.objects.bulk_create(
        DeliveryLedger(
            task="t", object=str(n), kind="k", recipient="a@example.com", status=Status.SENT, sent_at=ago(500)
        )
        for n in range(25)
    )
    with CaptureQueriesContext(connection) as statements:
        assert services.clean_up().deliveries == 25
    deletes = [s["sql"] for s in statements if s["sql"].startswith('DELETE FROM "core_deliveryledger"')]
    assert len(deletes) == 3


def test_administrators_are_told_of_doubt_once_a_day() -> None:
    admin, _left, _client = AdminFactory(), AdminFactory(is_active=False), UserFactory()
    delivery("one", Status.CLAIMED, claimed_at=ago(0.1))
    delivery("two", Status.CLAIMED, claimed_at=ago(2))
    delivery("on its way", Status.CLAIMED, claimed_at=now())
    assert services.clean_up().in_doubt == 2
    assert services.clean_up().in_doubt == 2
    told = Notification.objects.get()
    assert (told.user, told.notification_type, told.title) == (admin, "system", "Deliveries in doubt")
    assert told.message.startswith("2 messages were being sent when their worker died")


@pytest.mark.coldframe(start="2026-03-01T00:00+11:00")
def test_beat_starts_it_each_night_at_four_and_tells_again_on_the_next_day(coldframe: Any) -> None:
    AdminFactory()
    delivery("one", Status.CLAIMED, claimed_at=now() - timedelta(hours=2))
    coldframe.node()
    coldframe.beat()
    coldframe.advance(days=2)
    runs = coldframe.runs(clean_up)
    assert [f"{run.started_at:%d %H:%M}" for run in runs] == ["28 17:00", "01 17:00"]
    assert runs[0].result == {"deliveries": 0, "notifications": 0, "email_logs": 0, "files": 0, "in_doubt": 1}
    assert Notification.objects.count() == 2
