"""What a socket is told: everything of its person, after the commit, with the right count; of others, nothing."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from channels.layers import channel_layers
from channels.testing import WebsocketCommunicator
from django.db import OperationalError, transaction
from rest_framework.test import APIClient

from tests.factories import ApplicationFactory, NotificationFactory, UserFactory
from tests.sockets import OpenBell, forget_connections, in_database, pass_time
from users import notices
from users.api.notifications import NotificationSerializer
from users.consumers import NotificationConsumer
from users.models import Notification, User
from users.push import group_of

pytestmark = [pytest.mark.websocket, pytest.mark.asyncio, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def alice() -> User:
    return UserFactory(email="alice@example.com")


@pytest.fixture
def bob() -> User:
    return UserFactory(email="bob@example.com")


def unread(count: int) -> dict[str, Any]:
    return {"type": "unread_count", "count": count}


async def counts(*bells: WebsocketCommunicator) -> list[int]:
    return [(await bell.receive_json_from())["count"] for bell in bells]


async def test_a_notification_comes_with_all_its_fields_and_then_the_count(alice: User, open_bell: OpenBell) -> None:
    application = await in_database(ApplicationFactory)()
    bell = await open_bell(alice)
    told = await notices.anotify(
        alice, "application_status", "Moved", "It is approved.", related=application, dedupe_key="move:1"
    )
    assert told is not None
    frame = await bell.receive_json_from()
    assert frame == {
        "type": "notification",
        "notification": {
            "id": told.pk,
            "title": "Moved",
            "message": "It is approved.",
            "notification_type": "application_status",
            "related_object_id": application.pk,
            "related_object_type": "application",
            "is_read": False,
            "created_at": frame["notification"]["created_at"],
        },
    }
    assert frame["notification"] == NotificationSerializer(told).data
    assert await bell.receive_json_from() == unread(1)
    assert await bell.receive_nothing()


async def test_all_tabs_are_told_the_same_and_others_nothing(alice: User, bob: User, open_bell: OpenBell) -> None:
    tabs = [await open_bell(alice) for _ in range(3)]
    other = await open_bell(bob)
    for number in (1, 2):
        await in_database(notices.notify)(alice, "system", f"News {number}", "…")
    heard = [[await tab.receive_json_from() for _ in range(4)] for tab in tabs]
    assert heard[0] == heard[1] == heard[2]
    assert [frame.get("count") for frame in heard[0]] == [None, 1, None, 2]
    assert await other.receive_nothing()


async def test_a_notification_that_is_created_in_any_way_is_pushed(alice: User, open_bell: OpenBell) -> None:
    bell = await open_bell(alice)
    await in_database(Notification.objects.create)(user=alice, title="By hand", message="…")
    assert (await bell.receive_json_from())["notification"]["title"] == "By hand"
    assert await bell.receive_json_from() == unread(1)


async def test_a_rolled_back_notification_is_never_seen(alice: User, open_bell: OpenBell) -> None:
    bell = await open_bell(alice)

    def broken() -> None:
        with transaction.atomic():
            notices.notify(alice, "system", "Never", "…")
            raise RuntimeError("no")

    with pytest.raises(RuntimeError, match="no"):
        await in_database(broken)()
    assert await bell.receive_nothing()


async def test_a_push_waits_for_the_commit(alice: User, open_bell: OpenBell) -> None:
    bell = await open_bell(alice)
    layer = channel_layers["default"]
    sent_before_commit = []

    def slow() -> None:
        with transaction.atomic():
            notices.notify(alice, "system", "First", "…")
            notices.notify(alice, "system", "Second", "…")
            sent_before_commit.extend(box for box in layer.channels.values() if box.messages)

    await in_database(slow)()
    assert sent_before_commit == []
    frames = [await bell.receive_json_from() for _ in range(4)]
    assert [frame.get("count") for frame in frames] == [None, 2, None, 2]


async def test_whoever_does_not_want_it_in_the_application_hears_nothing(alice: User, open_bell: OpenBell) -> None:
    bell = await open_bell(alice)
    await in_database(set_preferences)(alice, system_in_app=False)
    assert await notices.anotify(alice, "system", "News", "…") is None
    assert await bell.receive_nothing()


async def test_the_same_news_is_pushed_once(alice: User, open_bell: OpenBell) -> None:
    bell = await open_bell(alice)
    assert await notices.anotify(alice, "system", "News", "…", dedupe_key="news") is not None
    assert await notices.anotify(alice, "system", "News", "…", dedupe_key="news") is None
    assert [(await bell.receive_json_from())["type"] for _ in range(2)] == ["notification", "unread_count"]
    assert await bell.receive_nothing()


async def test_marking_one_as_read_counts_in_every_tab(alice: User, open_bell: OpenBell) -> None:
    first, second = await in_database(NotificationFactory.create_batch)(2, user=alice)
    here, there = await open_bell(alice, unread=2), await open_bell(alice, unread=2)
    await here.send_json_to({"type": "mark_read", "id": first.pk})
    assert await counts(here, there) == [1, 1]
    await in_database(first.refresh_from_db)()
    await in_database(second.refresh_from_db)()
    assert (first.is_read, second.is_read) == (True, False)


async def test_marking_what_is_read_or_not_there_answers_with_the_count(alice: User, open_bell: OpenBell) -> None:
    read = await in_database(NotificationFactory)(user=alice, is_read=True)
    bell = await open_bell(alice)
    for pk in (read.pk, read.pk + 1000, 2**63 - 1):
        await bell.send_json_to({"type": "mark_read", "id": pk})
        assert await bell.receive_json_from() == unread(0)
    assert await bell.receive_nothing()


async def test_nobody_marks_what_others_were_told(alice: User, bob: User, open_bell: OpenBell) -> None:
    private = await in_database(NotificationFactory)(user=bob)
    mallory, owner = await open_bell(alice), await open_bell(bob, unread=1)
    await mallory.send_json_to({"type": "mark_read", "id": private.pk})
    assert await mallory.receive_json_from() == unread(0)
    assert await owner.receive_nothing()
    await in_database(private.refresh_from_db)()
    assert private.is_read is False


@pytest.mark.parametrize("way", ["api", "mark all by api", "save", "delete", "admin"])
async def test_whatever_changes_the_count_pushes_the_new_one(alice: User, open_bell: OpenBell, way: str) -> None:
    first, _ = await in_database(NotificationFactory.create_batch)(2, user=alice)
    bell = await open_bell(alice, unread=2)

    def change() -> None:
        client = APIClient()
        client.force_authenticate(alice)
        if way == "api":
            client.post(f"/api/users/notifications/{first.pk}/mark-read/")
        elif way == "mark all by api":
            client.post("/api/users/notifications/mark-all/")
        elif way == "save":
            first.is_read = True
            first.save()
        elif way == "delete":
            first.delete()
        else:
            notices.remove(Notification.objects.filter(pk=first.pk))

    await in_database(change)()
    assert await bell.receive_json_from() == unread(0 if way == "mark all by api" else 1)
    assert await bell.receive_nothing()


async def test_a_count_that_was_overtaken_on_its_way_is_corrected(
    alice: User, open_bell: OpenBell, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two processes commit and count; the message of the first arrives last."""
    tabs = [await open_bell(alice), await open_bell(alice)]
    await in_database(NotificationFactory.create_batch)(2, user=alice)
    await channel_layers["default"].group_send(group_of(alice.pk), {"type": "notification_count", "count": 1})
    for tab in tabs:
        assert [(await tab.receive_json_from()).get("count") for _ in range(5)] == [None, 1, None, 2, 1]
    pass_time(monkeypatch, seconds=2)
    assert await counts(*tabs) == [2, 2]
    assert [await tab.receive_nothing() for tab in tabs] == [True, True]


async def test_a_count_that_is_right_is_not_told_again(
    alice: User, open_bell: OpenBell, monkeypatch: pytest.MonkeyPatch
) -> None:
    bell = await open_bell(alice)
    await in_database(NotificationFactory)(user=alice)
    assert [(await bell.receive_json_from()).get("count") for _ in range(2)] == [None, 1]
    pass_time(monkeypatch, seconds=2)
    assert await bell.receive_nothing()


async def test_a_check_that_fails_is_logged_and_made_again_after_the_next_count(
    alice: User, open_bell: OpenBell, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    bell = await open_bell(alice)
    wrong = {"type": "notification_count", "count": 9}

    async def broken(consumer: NotificationConsumer) -> int:
        raise OperationalError("the database went away")

    with monkeypatch.context() as broken_database:
        broken_database.setattr(NotificationConsumer, "get_unread_count", broken)
        await channel_layers["default"].group_send(group_of(alice.pk), wrong)
        assert await bell.receive_json_from() == unread(9)
        pass_time(broken_database, seconds=2)
        assert await bell.receive_nothing()
    assert "could not check the count" in caplog.text
    await channel_layers["default"].group_send(group_of(alice.pk), wrong)
    assert await bell.receive_json_from() == unread(9)
    pass_time(monkeypatch, seconds=2)
    assert await bell.receive_json_from() == unread(0)


async def test_a_count_from_somebody_else_is_passed_on(alice: User, bob: User, open_bell: OpenBell) -> None:
    bell, other = await open_bell(alice), await open_bell(bob)
    count = {"type": "notification_count", "count": 7}
    await channel_layers["default"].group_send(group_of(alice.pk), count)
    assert await bell.receive_json_from() == unread(7)
    assert await other.receive_nothing()


async def test_a_flood_drops_old_messages_with_a_word_and_ends_with_the_right_count(
    alice: User, open_bell: OpenBell, caplog: pytest.LogCaptureFixture
) -> None:
    bell = await open_bell(alice)
    more_than_fits = channel_layers["default"].capacity

    def flood() -> None:
        with transaction.atomic():
            NotificationFactory.create_batch(more_than_fits, user=alice)

    at_once(flood)
    frames = [await bell.receive_json_from() for _ in range(more_than_fits)]
    assert frames[-1] == unread(more_than_fits)
    assert await bell.receive_nothing()
    assert "is full" in caplog.text
    assert f"{more_than_fits} messages to its groups were dropped" in caplog.text


def at_once(work: Any) -> None:
    """Run it while this loop stands still, as it does when it is busy with other sockets."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(work).result()
        thread.submit(forget_connections).result()


def set_preferences(user: User, **choices: bool) -> None:
    preferences = notices.preferences_of(user)
    for name, value in choices.items():
        setattr(preferences, name, value)
    preferences.save()
