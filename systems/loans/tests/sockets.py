"""Sockets for tests, opened through the real routes.

Tests write with `in_database`: consumers read in the same thread, so that SQLite has one connection at a time in use,
and what a test wrote is committed when they read.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from channels.db import database_sync_to_async
from channels.routing import URLRouter
from channels.testing import WebsocketCommunicator
from django.db import connections
from rest_framework_simplejwt.tokens import AccessToken

from users.models import User
from users.routing import websocket_urlpatterns
from users.socket_auth import TokenAuth

in_database = database_sync_to_async
OpenBell = Callable[..., Awaitable[WebsocketCommunicator]]


def access_token(user: User, **claims: Any) -> str:
    """A token of this person; `exp=` and other claims replace the usual ones."""
    token = AccessToken.for_user(user)
    token.payload.update(claims)
    return str(token)


def socket(*subprotocols: str, path: str = "/ws/notifications/") -> WebsocketCommunicator:
    """A socket that is not yet open."""
    app = TokenAuth(URLRouter(websocket_urlpatterns))
    return WebsocketCommunicator(app, path, subprotocols=list(subprotocols))


def pass_time(monkeypatch: pytest.MonkeyPatch, *, seconds: float) -> None:
    """All timers of this loop that are due within so many seconds are due now."""
    loop = asyncio.get_running_loop()
    real = loop.time
    monkeypatch.setattr(loop, "time", lambda: real() + seconds)


def forget_connections() -> None:
    """Leave no connection in this thread: neither for tests without a database, nor for the end of the database."""
    for alias in connections:
        connections[alias].close()
        del connections[alias]
