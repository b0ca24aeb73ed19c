"""Who may open a socket, and for how long."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from channels.routing import URLRouter
from channels.testing import WebsocketCommunicator
from rest_framework_simplejwt.tokens import AccessToken, RefreshToken

from core.clock import now
from tests.factories import AdminFactory, NotificationFactory, UserFactory
from tests.sockets import OpenBell, access_token, in_database, pass_time, socket
from users import services
from users.consumers import NotificationConsumer
from users.models import User
from users.routing import websocket_urlpatterns

pytestmark = [pytest.mark.websocket, pytest.mark.asyncio, pytest.mark.django_db(transaction=True)]

REFUSED = (False, 4401)
CLOSED = {"type": "websocket.close", "code": 4401}


@pytest.fixture
def alice() -> User:
    return UserFactory(email="alice@example.com")


async def test_a_token_may_come_after_any_word_and_the_answer_is_the_word(alice: User, sockets: Any) -> None:
    for word in ("access_token", "bearer", "jwt", "Authorization"):
        sockets.append(bell := socket(word, access_token(alice)))
        assert await bell.connect() == (True, word)


async def test_a_token_may_come_alone_or_first(alice: User, sockets: Any) -> None:
    token = access_token(alice)
    sockets += [alone := socket(token), first := socket(token, "access_token")]
    assert await alone.connect() == (True, token)
    assert await first.connect() == (True, "access_token")


async def test_the_route_knows_the_token_without_the_middleware_too(alice: User, sockets: Any) -> None:
    token = access_token(alice)
    app = URLRouter(websocket_urlpatterns)
    sockets.append(bell := WebsocketCommunicator(app, "/ws/notifications/", subprotocols=["access_token", token]))
    assert await bell.connect() == (True, "access_token")


def no_token(user: User) -> list[str]:
    return []


def only_a_word(user: User) -> list[str]:
    return ["access_token"]


def nonsense(user: User) -> list[str]:
    return ["access_token", "a.b.c"]


def no_text_at_all(user: User) -> list[str]:
    return ["", "..", "\udcff.\u20ac.\x00", "e30.e30.e30"]


def much_too_long(user: User) -> list[str]:
    return ["access_token", access_token(user, padding="x" * 5000)]


def refresh_token(user: User) -> list[str]:
    return ["access_token", str(RefreshToken.for_user(user))]


def expired(user: User) -> list[str]:
    return ["access_token", access_token(user, exp=int((now() - timedelta(seconds=1)).timestamp()))]


def signed_by_somebody_else(user: User) -> list[str]:
    head, body, signature = access_token(user).split(".")
    return ["access_token", f"{head}.{body}.{signature[::-1]}"]


def without_a_person(user: User) -> list[str]:
    token = AccessToken()
    return ["access_token", str(token)]


def of_nobody(user: User) -> list[str]:
    return ["access_token", access_token(user, user_id=str(user.pk + 1000))]


def behind_many_words(user: User) -> list[str]:
    return [*"abcdefgh", access_token(user)]


WRONG = [
    no_token,
    only_a_word,
    nonsense,
    no_text_at_all,
    much_too_long,
    refresh_token,
    expired,
    signed_by_somebody_else,
    without_a_person,
    of_nobody,
    behind_many_words,
]


async def test_without_a_valid_access_token_nobody_comes_in(alice: User, sockets: Any) -> None:
    answers = {}
    for offer in WRONG:
        sockets.append(bell := socket(*offer(alice)))
        answers[offer.__name__] = await bell.connect()
    assert answers == {offer.__name__: REFUSED for offer in WRONG}


async def test_a_token_of_a_deactivated_person_is_refused(sockets: Any) -> None:
    gone = await in_database(UserFactory)(is_active=False)
    sockets.append(bell := socket("access_token", access_token(gone)))
    assert await bell.connect() == REFUSED


@pytest.mark.parametrize("name", ["token", "access_token"])
async def test_a_token_in_the_address_is_refused_even_beside_a_good_one(alice: User, sockets: Any, name: str) -> None:
    token = access_token(alice)
    path = f"/ws/notifications/?{name}={token}"
    sockets += [only := socket(path=path), both := socket("access_token", token, path=path)]
    assert await only.connect() == REFUSED
    assert await both.connect() == REFUSED


async def test_a_socket_closes_when_its_token_expires(alice: User, open_bell: OpenBell, monkeypatch: Any) -> None:
    bell = await open_bell(alice)
    other = await open_bell(alice, exp=int((now() + timedelta(hours=3)).timestamp()))
    pass_time(monkeypatch, seconds=3601)
    assert await bell.receive_output() == CLOSED
    assert await other.receive_nothing()


async def test_an_expired_socket_is_told_nothing_even_if_its_timer_is_late(alice: User, open_bell: OpenBell) -> None:
    bell = await open_bell(alice)
    with time_machine.travel(now() + timedelta(hours=1, seconds=1)):
        await in_database(NotificationFactory)(user=alice, title="secret")
        assert await bell.receive_output() == CLOSED
    assert await bell.receive_nothing()


async def test_deactivation_closes_all_sockets_of_the_person_and_no_others(alice: User, open_bell: OpenBell) -> None:
    admin = await in_database(AdminFactory)()
    tabs = [await open_bell(alice), await open_bell(alice)]
    others = await open_bell(admin)
    await in_database(services.deactivate)(alice, admin)
    assert [await tab.receive_output() for tab in tabs] == [CLOSED, CLOSED]
    assert await others.receive_nothing()


async def test_a_person_who_is_saved_as_inactive_loses_their_sockets(alice: User, open_bell: OpenBell) -> None:
    bell = await open_bell(alice)
    alice.is_active = False
    await in_database(alice.save)()
    assert await bell.receive_output() == CLOSED


async def test_a_person_who_is_deleted_loses_their_sockets(alice: User, open_bell: OpenBell) -> None:
    bell = await open_bell(alice)
    await in_database(alice.delete)()
    assert await bell.receive_output() == CLOSED


@pytest.mark.parametrize("cause", ["notification", "question", "mark_read"])
async def test_whoever_was_deactivated_behind_our_back_is_told_nothing_more(
    alice: User, open_bell: OpenBell, cause: str
) -> None:
    bell = await open_bell(alice)
    await in_database(User.objects.filter(pk=alice.pk).update)(is_active=False)
    if cause == "notification":
        await in_database(NotificationFactory)(user=alice, title="secret")
    elif cause == "question":
        await bell.send_json_to({"type": "get_unread_count"})
    else:
        await bell.send_json_to({"type": "mark_read", "id": 1})
    assert await bell.receive_output() == CLOSED


async def test_deactivation_between_token_and_group_is_noticed(alice: User, sockets: Any, monkeypatch: Any) -> None:
    """The last moment at which the push of a deactivation could miss a socket."""
    joined = NotificationConsumer.accept

    async def deactivated_meanwhile(consumer: NotificationConsumer, **options: Any) -> None:
        await in_database(User.objects.filter(pk=alice.pk).update)(is_active=False)
        await joined(consumer, **options)

    monkeypatch.setattr(NotificationConsumer, "accept", deactivated_meanwhile)
    sockets.append(bell := socket("access_token", access_token(alice)))
    await bell.connect()
    assert await bell.receive_output() == CLOSED
