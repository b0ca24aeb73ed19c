"""A socket from its opening to its end: frames of all kinds, and what stays behind."""

from __future__ import annotations

import json
from typing import Any

import pytest
from channels.layers import channel_layers
from channels.testing import WebsocketCommunicator

from crm_backend.asgi import application
from tests.factories import NotificationFactory, UserFactory
from tests.sockets import OpenBell, access_token, in_database, socket
from users.consumers import NotificationConsumer
from users.models import Notification, User
from users.push import group_of

pytestmark = [pytest.mark.websocket, pytest.mark.asyncio, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def alice() -> User:
    return UserFactory(email="alice@example.com")


async def test_a_new_socket_is_told_the_count_first(alice: User, open_bell: OpenBell) -> None:
    await in_database(NotificationFactory.create_batch)(3, user=alice)
    await in_database(NotificationFactory)(user=alice, is_read=True)
    bell = await open_bell(alice, unread=3)
    assert await bell.receive_nothing()


@pytest.mark.parametrize("path", ["/", "/ws/", "/ws/notifications", "/ws/notifications/1/", "/nowhere/", "//ws", "/ü/"])
async def test_an_address_that_is_nowhere_is_refused(alice: User, sockets: Any, path: str) -> None:
    stranger = WebsocketCommunicator(application, path)
    known = WebsocketCommunicator(application, path, subprotocols=["access_token", access_token(alice)])
    sockets += [stranger, known]
    assert await stranger.connect() == (False, 4404)
    assert await known.connect() == (False, 4404)


async def test_a_socket_is_in_its_group_until_it_closes(alice: User, open_bell: OpenBell) -> None:
    layer = channel_layers["default"]
    first, second = await open_bell(alice), await open_bell(alice)
    assert len(layer.groups[group_of(alice.pk)]) == 2
    await first.disconnect()
    assert len(layer.groups[group_of(alice.pk)]) == 1
    await second.disconnect()
    assert layer.groups == {}


async def test_a_new_connection_gets_the_count_of_now(alice: User, open_bell: OpenBell) -> None:
    bell = await open_bell(alice)
    await bell.disconnect()
    await in_database(NotificationFactory.create_batch)(2, user=alice)
    await open_bell(alice, unread=2)


async def test_the_count_can_be_asked_for(alice: User, open_bell: OpenBell) -> None:
    bell = await open_bell(alice)
    await bell.send_json_to({"type": "get_unread_count"})
    assert await bell.receive_json_from() == {"type": "unread_count", "count": 0}


BAD_FRAMES = {
    "no JSON": "hello",
    "an empty frame": "",
    "half an object": '{"type": "get_unread_count"',
    "a list": "[]",
    "a number": "1",
    "a text": '"get_unread_count"',
    "null": "null",
    "no type": "{}",
    "an unknown type": '{"type": "launch"}',
    "a handler of the group": '{"type": "access_ended"}',
    "a type that is a list": '{"type": ["mark_read"]}',
    "a type that is an object": '{"type": {"mark_read": 1}}',
    "a deep nest": "[" * 4000,
    "a deep nest of objects": '{"a":' * 800,
    "a number of many digits": '{"type": "mark_read", "id": ' + "9" * 4000 + "}",
    "too long a frame": json.dumps({"type": "get_unread_count", "padding": "x" * 5000}),
    "an id that is missing": '{"type": "mark_read"}',
    "an id that is null": '{"type": "mark_read", "id": null}',
    "an id that is a text": '{"type": "mark_read", "id": "1"}',
    "an id that is true": '{"type": "mark_read", "id": true}',
    "an id that is a fraction": '{"type": "mark_read", "id": 1.5}',
    "an id that is not a number": '{"type": "mark_read", "id": NaN}',
    "an id that is a list": '{"type": "mark_read", "id": [1]}',
    "an id that is nothing": '{"type": "mark_read", "id": 0}',
    "an id that is negative": '{"type": "mark_read", "id": -1}',
    "an id that no key can be": '{"type": "mark_read", "id": 9223372036854775808}',
    "text that is no Unicode": '{"type": "\\ud800\\u0000"}',
}
UNKNOWN = ["'None'", "'launch'", "'access_ended'", "\"['mark_read']\"", "\"{'mark_read': 1}\"", r"'\ud800\x00'"]


async def test_bad_frames_are_answered_and_survived(alice: User, open_bell: OpenBell) -> None:
    bell = await open_bell(alice)
    answers = {}
    for name, frame in BAD_FRAMES.items():
        await bell.send_input({"type": "websocket.receive", "text": frame})
        answers[name] = await bell.receive_json_from()
    assert {answer["message"] for answer in answers.values()} == {
        "this is not JSON",
        'send a JSON object, such as {"type": "get_unread_count"}',
        "the frame is too long: send at most 4096 characters",
        "id must be the number of a notification",
        *(f"unknown type {kind}: send get_unread_count or mark_read" for kind in UNKNOWN),
    }
    kinds = {name: (answer["type"], answer["code"]) for name, answer in answers.items()}
    assert kinds == dict.fromkeys(BAD_FRAMES, ("error", "bad_request"))
    await bell.send_json_to({"type": "get_unread_count"})
    assert await bell.receive_json_from() == {"type": "unread_count", "count": 0}


async def test_binary_frames_are_answered_and_survived(alice: User, open_bell: OpenBell) -> None:
    bell = await open_bell(alice)
    for frame in (b"", b"\x00\xff", b'{"type": "get_unread_count"}'):
        await bell.send_input({"type": "websocket.receive", "bytes": frame})
        assert await bell.receive_json_from() == {
            "type": "error",
            "code": "bad_request",
            "message": "send text frames with JSON, not binary ones",
        }
    await bell.send_json_to({"type": "get_unread_count"})
    assert await bell.receive_json_from() == {"type": "unread_count", "count": 0}


async def test_a_consumer_that_breaks_leaves_its_group(alice: User, open_bell: OpenBell, sockets: Any) -> None:
    bell = await open_bell(alice)
    await bell.send_input({"type": "websocket.nonsense"})
    with pytest.raises(ValueError, match=r"No handler for message type websocket\.nonsense"):
        await bell.wait()
    sockets.remove(bell)
    assert channel_layers["default"].groups == {}


async def test_a_server_that_stops_leaves_nothing_behind(alice: User, sockets: Any) -> None:
    bell = socket("access_token", access_token(alice))
    await bell.connect()
    bell.stop(exceptions=False)
    await bell.wait()
    assert channel_layers["default"].groups == {}


async def test_what_comes_before_the_first_count_is_in_it(alice: User, sockets: Any, monkeypatch: Any) -> None:
    """A notification between joining the group and counting is shown, and the counts are right at each moment."""
    joined = NotificationConsumer.accept

    async def told_meanwhile(consumer: NotificationConsumer, **options: Any) -> None:
        await in_database(NotificationFactory)(user=alice, title="just now")
        await joined(consumer, **options)

    monkeypatch.setattr(NotificationConsumer, "accept", told_meanwhile)
    sockets.append(bell := socket("access_token", access_token(alice)))
    await bell.connect()
    frames = [await bell.receive_json_from() for _ in range(3)]
    assert [frame["type"] for frame in frames] == ["unread_count", "notification", "unread_count"]
    assert [frame["count"] for frame in frames if "count" in frame] == [1, 1]
    assert await in_database(Notification.objects.count)() == 1
