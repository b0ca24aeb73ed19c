"""The bell over a real server: what a browser sends and gets, and threads with event loops of their own."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import pytest
import uvicorn
from asgiref.sync import SyncToAsync
from channels.layers import channel_layers
from django.db import connections
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from crm_backend.asgi import application
from tests.factories import AdminFactory, UserFactory
from tests.sockets import access_token, forget_connections
from users import notices, services
from users.models import User
from users.push import group_of

pytestmark = [pytest.mark.integration, pytest.mark.websocket, pytest.mark.django_db(transaction=True)]

Bell = Callable[..., AbstractContextManager[ClientConnection]]


@pytest.fixture
def bell() -> Iterator[Bell]:
    """Connects to a server that runs in a thread of this process, as the demo's does."""
    server = uvicorn.Server(
        uvicorn.Config(application, port=0, lifespan="off", log_config=None, ws="websockets-sansio")
    )
    started = threading.Event()
    thread = threading.Thread(target=lambda: asyncio.run(serve(server, started)))
    thread.start()
    started.wait(10)
    port = server.servers[0].sockets[0].getsockname()[1]

    def open_bell(*subprotocols: str, path: str = "/ws/notifications/", origin: str | None = "http://localhost") -> Any:
        address = f"ws://127.0.0.1:{port}{path}"
        return connect(address, subprotocols=subprotocols or None, origin=origin, proxy=None, open_timeout=10)

    yield open_bell
    server.should_exit = True
    thread.join()
    SyncToAsync.single_thread_executor.submit(forget_connections).result()


async def serve(server: uvicorn.Server, started: threading.Event) -> None:
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    started.set()
    await serving


@pytest.fixture
def alice() -> User:
    return UserFactory(email="alice@example.com")


def hear(socket: ClientConnection) -> dict[str, Any]:
    return json.loads(socket.recv(timeout=10))


def test_two_tabs_hear_a_notification_of_another_thread(bell: Bell, alice: User) -> None:
    token = access_token(alice)
    with bell("access_token", token) as one, bell(token, "access_token") as two:
        assert (one.subprotocol, two.subprotocol) == ("access_token", "access_token")
        assert [hear(one), hear(two)] == [{"type": "unread_count", "count": 0}] * 2
        in_a_thread(notices.notify, alice, "system", "News", "…")
        assert [hear(one)["notification"]["title"], hear(two)["notification"]["title"]] == ["News", "News"]
        assert [hear(one), hear(two)] == [{"type": "unread_count", "count": 1}] * 2
        one.send(b"\x00")
        assert hear(one)["code"] == "bad_request"
        one.send(json.dumps({"type": "mark_read", "id": alice.notifications.get().pk}))
        assert [hear(one), hear(two)] == [{"type": "unread_count", "count": 0}] * 2


def test_many_threads_reach_an_idle_server(bell: Bell, alice: User) -> None:
    """Each has a loop of its own; the server's loop has nothing else that would wake it."""
    layer = channel_layers["default"]
    with bell("access_token", access_token(alice)) as socket:
        hear(socket)
        event = {"type": "notification_message", "notification": {"id": 1}}
        threads = [threading.Thread(target=asyncio.run, args=[say(layer, alice, event, 5)]) for _ in range(8)]
        for thread in threads:
            thread.start()
        assert [hear(socket)["notification"] for _ in range(40)] == [{"id": 1}] * 40
        for thread in threads:
            thread.join()


async def say(layer: Any, user: User, event: dict[str, Any], times: int) -> None:
    for _ in range(times):
        await layer.group_send(group_of(user.pk), event)


def test_deactivation_closes_the_socket_with_its_code(bell: Bell, alice: User) -> None:
    admin = AdminFactory()
    with bell("access_token", access_token(alice)) as socket:
        hear(socket)
        in_a_thread(services.deactivate, alice, admin)
        with pytest.raises(ConnectionClosed, match="received 4401"):
            socket.recv(timeout=10)


def test_whoever_may_not_come_in_is_refused_at_the_door(bell: Bell, alice: User) -> None:
    token = access_token(alice)
    with pytest.raises(InvalidStatus, match="403"):
        bell()
    with pytest.raises(InvalidStatus, match="403"):
        bell("access_token", "not.a.token")
    with pytest.raises(InvalidStatus, match="403"):
        bell("access_token", token, path=f"/ws/notifications/?token={token}")


def test_an_address_that_is_nowhere_is_refused_and_the_server_goes_on(bell: Bell, alice: User) -> None:
    for path in ("/", "/ws/notifications", "/ws/nowhere/?a=b"):
        with pytest.raises(InvalidStatus, match="403"):
            bell("access_token", access_token(alice), path=path)
    with bell("access_token", access_token(alice)) as socket:
        assert hear(socket) == {"type": "unread_count", "count": 0}


def test_a_program_needs_no_page_and_a_page_no_address_of_ours(bell: Bell, alice: User) -> None:
    """What lets in is the token, which no other page knows."""
    for origin in (None, "https://elsewhere.example"):
        with bell("access_token", access_token(alice), origin=origin) as socket:
            assert hear(socket) == {"type": "unread_count", "count": 0}


def in_a_thread(work: Callable[..., Any], *args: Any) -> None:
    """As a worker of the same process does it, with a connection to the database of its own."""

    def run() -> None:
        try:
            work(*args)
        finally:
            connections.close_all()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
