"""How a statement of Django can fail although it is correct."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any


def failures_of(connection: Any) -> Mapping[str, Callable[[], BaseException]]:
    """How a statement can fail on this kind of database, although it is correct."""
    if connection.vendor == "postgresql":
        return POSTGRESQL
    return SQLITE


def commit_failures_of(connection: Any) -> Mapping[str, Callable[[], BaseException]]:
    """How a commit can fail."""
    return {"connection lost": failures_of(connection)["connection lost"]}


def _error(text: str, cause: str = "", base: str = "OperationalError") -> Callable[[], BaseException]:
    def make() -> BaseException:
        from django.db import utils

        error: BaseException = getattr(utils, base)(text)
        if cause:
            from psycopg import errors

            error.__cause__ = getattr(errors, cause)(text)
        return error

    return make


SQLITE: Mapping[str, Callable[[], BaseException]] = {
    "locked": _error("database is locked"),
    "connection lost": _error("disk I/O error"),
}
POSTGRESQL: Mapping[str, Callable[[], BaseException]] = {
    "deadlock": _error("deadlock detected", "DeadlockDetected"),
    "serialization failure": _error("could not serialize access due to concurrent update", "SerializationFailure"),
    "connection lost": _error("server closed the connection unexpectedly", "OperationalError"),
}
