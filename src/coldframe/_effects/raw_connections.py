"""The raw connections of database drivers, as the database sees them go when their process dies."""

from __future__ import annotations

import socket
from contextlib import suppress
from typing import Any


def abandon(raw: Any) -> None:
    """Roll back what was not committed, and close a connection, without the help of the code that used it.

    Args:
        raw: A connection of sqlite3, psycopg, aiosqlite or asyncpg, or of a driver that follows the rules of sqlite3.
    """
    if type(raw).__module__.startswith("aiosqlite"):
        from coldframe._effects import aiosqlite

        aiosqlite.abandon(raw)
    elif hasattr(raw, "pgconn"):
        cut(raw)
    elif hasattr(raw, "get_server_pid"):
        _shut_down(raw)
    else:
        raw.rollback()
        raw.close()


def cut(raw: Any) -> None:
    """The connection to a server is lost, and the driver knows."""
    if hasattr(raw, "pgconn"):
        from coldframe._effects.postgresql_psycopg import finish

        finish(raw.pgconn)
    elif hasattr(raw, "get_server_pid"):
        _shut_down(raw)
        raw.terminate()


def _shut_down(connection: Any) -> None:
    """asyncpg's: the loop that it belongs to may never run again."""
    transport = connection._transport  # noqa: SLF001 - the way to its socket
    with suppress(OSError):
        transport.get_extra_info("socket").shutdown(socket.SHUT_RDWR)
