"""How a correct statement of SQLAlchemy can fail: with the errors of its driver, which SQLAlchemy wraps itself."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping

from coldframe._effects.sqlalchemy_links import Link

Failures = Mapping[str, Callable[[], BaseException]]

CONNECTION_LOST = "connection lost"
CONNECTION_CLOSED = "connection was closed in the middle of operation"
SERVER_GONE = (
    "consuming input failed: server closed the connection unexpectedly\n"
    "\tThis probably means the server terminated abnormally\n"
    "\tbefore or while processing the request."
)

#: By what PostgreSQL calls them, with its text.
STATES = {
    "deadlock": ("40P01", "deadlock detected"),
    "serialization failure": ("40001", "could not serialize access due to concurrent update"),
}


def failures_of(link: Link) -> Failures:
    """How a statement can fail on a connection."""
    if link.sqlite is not None:
        return SQLITE
    if link.dialect.name != "postgresql":
        return {}
    states = {name: _state(link, *state) for name, state in STATES.items()}
    return {**states, CONNECTION_LOST: _lost(link)}


def commit_failures_of(link: Link) -> Failures:
    """How a commit can fail on a connection."""
    if link.sqlite is not None:
        return SQLITE
    if link.dialect.name != "postgresql":
        return {}
    return {"serialization failure": _state(link, *STATES["serialization failure"]), CONNECTION_LOST: _lost(link)}


def locked() -> BaseException:
    """What SQLite says when a lock does not become free."""
    return _sqlite("database is locked", sqlite3.SQLITE_BUSY, "SQLITE_BUSY")


def _full() -> BaseException:
    return _sqlite("database or disk is full", sqlite3.SQLITE_FULL, "SQLITE_FULL")


def _sqlite(text: str, code: int, name: str) -> BaseException:
    error = sqlite3.OperationalError(text)
    error.sqlite_errorcode = code
    error.sqlite_errorname = name
    return error


SQLITE: Failures = {"locked": locked, "disk full": _full}


def _state(link: Link, code: str, text: str) -> Callable[[], BaseException]:
    def make() -> BaseException:
        driver = link.dialect.loaded_dbapi
        if link.dialect.driver == "asyncpg":
            return _translated(link, driver.asyncpg.PostgresError.new({"C": code, "M": text, "S": "ERROR"}))
        error: BaseException = driver.errors.lookup(code)(text)
        return error

    return make


def _lost(link: Link) -> Callable[[], BaseException]:
    def make() -> BaseException:
        driver = link.dialect.loaded_dbapi
        if link.dialect.driver == "asyncpg":
            error = _translated(link, driver.asyncpg.ConnectionDoesNotExistError(CONNECTION_CLOSED))
        else:
            error = driver.OperationalError(SERVER_GONE)
        link.losses.append(error)
        return error

    return make


def _translated(link: Link, error: Exception) -> BaseException:
    """The error as the adapter around the driver raises it."""
    try:
        link.raw._handle_exception(error)  # noqa: SLF001 - where SQLAlchemy translates it
    except Exception as translated:
        return translated
    return error
