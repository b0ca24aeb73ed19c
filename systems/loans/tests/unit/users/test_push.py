"""A push works from wherever it is made, and one that fails is logged and counted, and harms nobody."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from celery import shared_task
from channels.layers import channel_layers
from django.db import transaction

from core.in_process_layer import InProcessChannelLayer
from tests.factories import NotificationFactory, UserFactory
from users import push
from users.models import Notification, User
from users.notices import notify

pytestmark = pytest.mark.unit


class BrokenLayer(InProcessChannelLayer):
    """A layer whose server is down."""

    async def group_send(self, group: str, message: dict[str, Any]) -> None:
        raise ConnectionError("nobody listens on port 6379")


class HangingLayer(InProcessChannelLayer):
    """A layer whose server does not answer."""

    async def group_send(self, group: str, message: dict[str, Any]) -> None:
        await asyncio.Event().wait()


@pytest.fixture
def layer() -> InProcessChannelLayer:
    return set_layer(InProcessChannelLayer())


@pytest.fixture(autouse=True)
def own_layer_and_counts() -> Any:
    before = channel_layers.backends.copy()
    push.pushes.clear()
    yield
    channel_layers.backends.clear()
    channel_layers.backends.update(before)


def set_layer(layer: InProcessChannelLayer) -> InProcessChannelLayer:
    channel_layers.set("default", layer)
    return layer


def listen(layer: InProcessChannelLayer, user: User) -> None:
    async_to_sync(layer.group_add)(push.group_of(user.pk), "ear")


def heard(layer: InProcessChannelLayer) -> list[dict[str, Any]]:
    box = layer.channels.pop("ear", None)
    return list(box.messages) if box else []


@shared_task(name="tests.unit.users.tell")
def tell(user_id: int, title: str) -> None:
    with transaction.atomic():
        notify(User.objects.get(pk=user_id), "system", title, "…")


@pytest.mark.django_db(transaction=True)
def test_sync_code_pushes_the_message_and_then_the_count(layer: InProcessChannelLayer) -> None:
    user = UserFactory()
    listen(layer, user)
    notification = notify(user, "system", "News", "…")
    assert notification is not None
    assert heard(layer) == [
        {"type": "notification_message", "notification": push.as_message(notification)},
        {"type": "notification_count", "count": 1},
    ]
    assert push.pushes == {"sent": 2}


@pytest.mark.django_db
@pytest.mark.coldframe(start="2026-03-02T09:00+11:00")
def test_a_task_on_the_bench_pushes_after_its_commit(layer: InProcessChannelLayer, coldframe: Any) -> None:
    user = UserFactory()
    listen(layer, user)
    tell.delay(user.pk, "first")
    tell.delay(user.pk, "second")
    coldframe.drain()
    coldframe.assert_ran(tell, times=2, state="SUCCESS")
    events = heard(layer)
    assert [event.get("count") for event in events] == [None, 1, None, 2]
    assert events[0]["notification"]["created_at"].startswith("2026-03-02T09:00:00")
    assert push.pushes["failed"] == 0


@pytest.mark.django_db(transaction=True)
def test_a_layer_that_is_down_fails_nobody_and_is_logged_as_an_error(caplog: pytest.LogCaptureFixture) -> None:
    set_layer(BrokenLayer())
    user = UserFactory()
    assert notify(user, "system", "News", "…") is not None
    assert Notification.objects.filter(user=user).count() == 1
    assert push.pushes == {"failed": 1}
    (record,) = caplog.records
    assert (record.levelno, record.exc_info[0]) == (logging.ERROR, ConnectionError)  # type: ignore[index]
    assert record.getMessage().startswith(f"could not push to 1 people (users {user.pk});")


@pytest.mark.django_db(transaction=True)
def test_a_layer_that_does_not_answer_is_given_up(monkeypatch: Any, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(push, "PATIENCE", 0)
    set_layer(HangingLayer())
    notify(UserFactory(), "system", "News", "…")
    assert push.pushes == {"failed": 1}
    assert "TimeoutError" in caplog.text


@pytest.mark.django_db(transaction=True)
def test_without_any_layer_a_push_fails_loudly_and_harms_nobody(settings: Any, caplog: Any) -> None:
    channel_layers.backends.clear()
    settings.CHANNEL_LAYERS = {}
    assert notify(UserFactory(), "system", "News", "…") is not None
    assert push.pushes == {"failed": 1}
    assert "could not push" in caplog.text


@pytest.mark.django_db
def test_a_count_that_cannot_be_made_is_logged_and_counted(
    caplog: pytest.LogCaptureFixture, django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        push.count_changed("nobody")  # type: ignore[arg-type]
    assert push.pushes == {"failed": 1}
    assert "could not push to 1 people (users nobody)" in caplog.text


@pytest.mark.asyncio
async def test_in_a_running_loop_the_push_goes_out_in_that_loop(layer: InProcessChannelLayer) -> None:
    """Code that is called back in the thread of a loop, where Django would let it write only if told so."""
    await layer.group_add(push.group_of(5), "ear")
    push._push({5: [{"type": "access_ended"}]})
    assert await layer.receive("ear") == {"type": "access_ended"}
    assert push.pushes == {"sent": 1}


@pytest.mark.asyncio
async def test_in_a_running_loop_a_failing_push_is_logged_too(caplog: pytest.LogCaptureFixture) -> None:
    set_layer(BrokenLayer())
    push._push({5: [{"type": "access_ended"}]})
    await asyncio.gather(*push._under_way)
    assert push.pushes == {"failed": 1}
    assert "could not push to 1 people (users 5)" in caplog.text
    assert push._under_way == set()


@pytest.mark.django_db
def test_nothing_is_pushed_before_the_commit(
    layer: InProcessChannelLayer, django_capture_on_commit_callbacks: Any
) -> None:
    user = UserFactory()
    listen(layer, user)
    with django_capture_on_commit_callbacks(execute=True):
        NotificationFactory(user=user)
        assert heard(layer) == []
    assert len(heard(layer)) == 2


@pytest.mark.django_db
def test_many_notifications_of_many_people_take_one_statement_after_the_commit(
    layer: InProcessChannelLayer, django_capture_on_commit_callbacks: Any, django_assert_num_queries: Any
) -> None:
    people = UserFactory.create_batch(3)
    listen(layer, people[0])
    rows = [NotificationFactory(user=user, title=title) for user in people for title in ("first", "second")]
    NotificationFactory(user=people[0], is_read=True)
    with django_assert_num_queries(1), django_capture_on_commit_callbacks(execute=True):
        push.created(*rows)
    events = heard(layer)
    assert [event.get("count") or event["notification"]["title"] for event in events] == ["first", "second", 2]
    assert push.pushes == {"sent": 9}


@pytest.mark.django_db
def test_a_count_is_also_pushed_when_nothing_is_unread(
    layer: InProcessChannelLayer, django_capture_on_commit_callbacks: Any
) -> None:
    user = UserFactory()
    listen(layer, user)
    with django_capture_on_commit_callbacks(execute=True):
        push.count_changed(user.pk)
    assert heard(layer) == [{"type": "notification_count", "count": 0}]
