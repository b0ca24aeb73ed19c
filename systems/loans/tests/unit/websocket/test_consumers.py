"""Tests as people write them with mocks: the consumer in a route, with a person put into the scope by hand."""

from __future__ import annotations

from unittest.mock import MagicMock, patch

import pytest
from channels.layers import get_channel_layer
from channels.routing import URLRouter
from channels.testing import WebsocketCommunicator
from django.contrib.auth.models import AnonymousUser

from tests.factories import UserFactory
from users.routing import websocket_urlpatterns

# Channels looks after the connections of its thread, of which another test may have left one: so each has the mark.
pytestmark = [pytest.mark.websocket, pytest.mark.asyncio, pytest.mark.django_db]

COUNT = "users.consumers.NotificationConsumer.get_unread_count"


def communicator_of(user: object) -> WebsocketCommunicator:
    communicator = WebsocketCommunicator(URLRouter(websocket_urlpatterns), "/ws/notifications/")
    communicator.scope["user"] = user
    return communicator


@patch(COUNT)
async def test_a_mocked_user_gets_the_initial_count(get_unread_count: MagicMock) -> None:
    get_unread_count.return_value = 5
    communicator = communicator_of(MagicMock(is_anonymous=False, id=999))
    connected, _ = await communicator.connect()
    assert connected
    assert await communicator.receive_json_from() == {"type": "unread_count", "count": 5}
    await communicator.disconnect()


@patch(COUNT)
async def test_a_real_user_who_is_put_into_the_scope_gets_the_initial_count(get_unread_count: MagicMock) -> None:
    get_unread_count.return_value = 5
    communicator = communicator_of(UserFactory.build(pk=7))
    connected, _ = await communicator.connect()
    assert connected
    assert await communicator.receive_json_from() == {"type": "unread_count", "count": 5}
    await communicator.disconnect()


@pytest.mark.parametrize("user", [MagicMock(is_anonymous=True), AnonymousUser(), UserFactory.build(is_active=False)])
async def test_nobody_anonymous_or_inactive_is_let_in(user: object) -> None:
    communicator = communicator_of(user)
    assert await communicator.connect() == (False, 4401)
    await communicator.disconnect()


@patch(COUNT, return_value=5)
async def test_messages_to_the_group_arrive_with_a_mocked_count(get_unread_count: MagicMock) -> None:
    communicator = communicator_of(MagicMock(is_anonymous=False, id=999))
    await communicator.connect()
    await communicator.receive_json_from()
    layer = get_channel_layer()
    news = {"id": 1, "title": "News", "message": "…"}
    await layer.group_send("user_999_notifications", {"type": "notification_message", "notification": news})
    await layer.group_send("user_999_notifications", {"type": "notification_count", "count": 6})
    await communicator.send_json_to({"type": "get_unread_count"})
    frames = [await communicator.receive_json_from() for _ in range(3)]
    assert sorted(frames, key=lambda frame: frame.get("count", 0)) == [
        {"type": "notification", "notification": news},
        {"type": "unread_count", "count": 5},
        {"type": "unread_count", "count": 6},
    ]
    await communicator.disconnect()
