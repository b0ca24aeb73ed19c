"""What a client of the API and of the bell does."""

from __future__ import annotations

import json
import urllib.request
from typing import Any

from websockets.sync.client import ClientConnection, connect


def call(address: str, path: str, token: str = "", data: dict[str, Any] | None = None) -> Any:
    """Ask the API, or tell it something; its answer."""
    headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {token}"} if token else {})}
    body = None if data is None else json.dumps(data).encode()
    request = urllib.request.Request(f"http://{address}/api/{path}", body, headers)
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


def log_in(address: str, email: str, password: str) -> str:
    """An access token."""
    return call(address, "users/auth/login/", data={"email": email, "password": password})["access"]


def bell(address: str, token: str) -> ClientConnection:
    """A WebSocket that hears what is new."""
    return connect(f"ws://{address}/ws/notifications/", subprotocols=["access_token", token], open_timeout=60)


def heard(socket: ClientConnection) -> dict[str, Any]:
    """The next message of the bell."""
    return json.loads(socket.recv(timeout=60))
