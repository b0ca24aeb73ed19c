"""Sockets that are closed at the end of the test, and leave nothing behind."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import pytest_asyncio
from asgiref.sync import SyncToAsync
from channels.layers import channel_layers
from channels.testing import WebsocketCommunicator

from tests.sockets import OpenBell, access_token, forget_connections, socket
from users.models import User


@pytest.fixture(autouse=True)
def no_connection_stays_behind() -> Iterator[None]:
    """Consumers read in a thread that outlives the test."""
    yield
    SyncToAsync.single_thread_executor.submit(forget_connections).result()


@pytest_asyncio.fixture
async def sockets() -> AsyncIterator[list[WebsocketCommunicator]]:
    """Those that are to be closed."""
    await channel_layers["default"].flush()
    opened: list[WebsocketCommunicator] = []
    yield opened
    for one in opened:
        await one.disconnect()
    assert channel_layers["default"].groups == {}
    assert channel_layers["default"].channels == {}


@pytest_asyncio.fixture
async def open_bell(sockets: list[WebsocketCommunicator]) -> OpenBell:
    """Open the socket of a person, who is told the count first."""

    async def connect(user: User, *, unread: int = 0, **claims: Any) -> WebsocketCommunicator:
        one = socket("access_token", access_token(user, **claims))
        sockets.append(one)
        assert await one.connect() == (True, "access_token")
        assert await one.receive_json_from() == {"type": "unread_count", "count": unread}
        return one

    return connect
