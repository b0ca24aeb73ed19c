"""A real mail server in a thread of this process: what it accepted, and whom it refuses."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from aiosmtpd.controller import Controller

HOST = "127.0.0.1"
REFUSED = "nobody@example.com"


class Server(Controller):
    """Listens on a port that is free."""

    def __init__(self) -> None:
        self.accepted: list[tuple[str, list[str], bytes]] = []
        super().__init__(self, hostname=HOST, port=0)

    def _trigger_server(self) -> None:
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()

    async def handle_RCPT(self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any) -> str:
        if address == REFUSED:
            return "550 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
        self.accepted.append((envelope.mail_from, envelope.rcpt_tos, envelope.content))
        return "250 accepted"


@contextmanager
def real_server() -> Iterator[Server]:
    """One that runs."""
    server = Server()
    server.start()
    try:
        yield server
    finally:
        server.stop()
