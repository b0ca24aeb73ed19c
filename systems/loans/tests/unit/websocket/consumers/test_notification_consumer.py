"""The parts of the consumer by themselves."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from channels.layers import get_channel_layer
from channels.testing import WebsocketCommunicator

from core.clock import now
from core.in_process_layer import InProcessChannelLayer
from tests.factories import NotificationFactory, UserFactory
from tests.sockets import access_token, in_database
from users.consumers import BadRequest, NotificationConsumer, understood
from users.socket_auth import chosen_from, identified

pytestmark = pytest.mark.websocket


@pytest.mark.asyncio
@pytest.mark.django_db(transaction=True)
async def test_the_unread_count_is_that_of_the_person_in_the_scope() -> None:
    alice, bob = await in_database(UserFactory.create_batch)(2)
    await in_database(NotificationFactory.create_batch)(2, user=alice)
    await in_database(NotificationFactory)(user=alice, is_read=True)
    await in_database(NotificationFactory)(user=bob)
    consumer = NotificationConsumer()
    consumer.scope = {"user": alice}
    assert await consumer.get_unread_count() == 2


@pytest.mark.asyncio
async def test_a_socket_that_was_closed_says_nothing_more_and_is_not_closed_twice() -> None:
    sent: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    consumer = NotificationConsumer()
    consumer.scope = {"user": UserFactory.build(pk=1)}
    consumer.base_send = send
    consumer.channel_layer, consumer.channel_name = InProcessChannelLayer(), "here"
    consumer.group = "user_1_notifications"
    await consumer.access_ended({})
    await consumer.access_ended({})
    await consumer.receive(text_data="nonsense")
    await consumer.notification_message({"notification": {}})
    assert sent == [{"type": "websocket.close", "code": 4401}]


@pytest.mark.asyncio
@pytest.mark.django_db(transaction=True)
async def test_who_leaves_while_news_are_on_their_way_is_told_nothing_more() -> None:
    asked, may_answer = asyncio.Event(), asyncio.Event()

    class Slow(NotificationConsumer):
        async def _is_active(self) -> bool:
            asked.set()
            await may_answer.wait()
            return True

    communicator = WebsocketCommunicator(Slow.as_asgi(), "/")
    communicator.scope |= {"user": UserFactory.build(pk=1), "token_expires": now() + timedelta(hours=1)}
    await communicator.send_input({"type": "websocket.connect"})
    await asked.wait()
    may_answer.set()
    assert [(await communicator.receive_output())["type"] for _ in range(2)] == ["websocket.accept", "websocket.send"]

    asked.clear()
    may_answer.clear()
    await get_channel_layer().group_send("user_1_notifications", {"type": "notification_message", "notification": {}})
    await asked.wait()
    await communicator.send_input({"type": "websocket.disconnect", "code": 1001})
    while not communicator.input_queue.empty():
        await asyncio.sleep(0)
    may_answer.set()
    await communicator.wait()
    assert communicator.output_queue.empty()


@pytest.mark.asyncio
async def test_a_server_that_finds_the_client_gone_is_no_error() -> None:
    async def send(message: dict[str, Any]) -> None:
        raise BrokenPipeError("the client has left")

    consumer = NotificationConsumer()
    consumer.scope = {"user": UserFactory.build(pk=1)}
    consumer.base_send = send
    consumer.group = "user_1_notifications"
    await consumer.notification_message({"notification": {}})


def test_a_json_object_is_understood() -> None:
    assert understood('{"type": "mark_read", "id": 3}') == {"type": "mark_read", "id": 3}


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (None, "not binary ones"),
        ("x" * 4097, "at most 4096 characters"),
        ("{", "this is not JSON"),
        ("[1]", "send a JSON object"),
    ],
)
def test_anything_else_is_explained(frame: str | None, message: str) -> None:
    with pytest.raises(BadRequest, match=message):
        understood(frame)


@pytest.mark.asyncio
async def test_a_scope_with_a_user_is_left_as_it_is() -> None:
    scope = {"user": "somebody", "subprotocols": ["a", "b"]}
    assert await identified(scope) is scope


def test_the_answer_never_repeats_a_token_when_there_is_a_word() -> None:
    token = access_token(UserFactory.build(pk=1))
    assert chosen_from(["access_token", token])[1] == "access_token"
    assert chosen_from([token, "bearer"])[1] == "bearer"
    assert chosen_from([token])[1] == token
    assert chosen_from([]) == (None, None)
