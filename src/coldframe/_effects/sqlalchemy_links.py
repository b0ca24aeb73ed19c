"""The connections that SQLAlchemy's pools handed out on a bench: who uses them, and in which transaction."""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from coldframe._core.fibers import Process

if TYPE_CHECKING:
    from coldframe._effects.sqlalchemy_sqlite import SqliteSide


@dataclass(slots=True, eq=False)
class Transaction:
    """A transaction that has written something, or locked it.

    Attributes:
        number: Counts the transactions of the bench.
        messages: The numbers of the messages that were sent inside it.
    """

    number: int
    messages: list[int] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class Link:
    """A connection of a pool.

    Attributes:
        raw: What SQLAlchemy takes for a connection of the driver; for asyncio an adapter around it.
        record: Its place in the pool; None when it was detached.
        process: Who took it out last.
        is_shared: Whether the pool hands out the same connection to everybody.
        is_frame: Whether the test took it out before the bench was opened: its transaction is the test's.
        sqlite: What there is to know of it if it is one of SQLite.
        begun_by: The process that is inside the transaction.
        losses: Errors that say that the connection was lost: when one is raised, it is.
    """

    raw: Any
    record: Any
    pool: Any
    dialect: Any
    process: Process
    is_shared: bool
    is_frame: bool = False
    in_use: bool = True
    sqlite: SqliteSide | None = None
    transaction: Transaction | None = None
    begun_by: Process | None = None
    losses: list[BaseException] = field(default_factory=list)
    session: weakref.ref[Any] | None = None

    @classmethod
    def of_test(cls, proxy: Any, test: Process) -> Link:
        """One that the test took out before the bench was opened."""
        pool = proxy._pool  # noqa: SLF001 - nothing public tells
        raw, record = proxy.dbapi_connection, proxy._connection_record  # noqa: SLF001
        return cls(raw, record, pool, pool._dialect, test, is_shared=False, is_frame=True)  # noqa: SLF001

    @property
    def driver(self) -> Any:
        """The connection of the driver itself."""
        return getattr(self.raw, "driver_connection", self.raw)

    @property
    def is_async(self) -> bool:
        """Whether the driver is one for asyncio."""
        return bool(self.dialect.is_async)

    @property
    def name(self) -> str:
        """What the database is called where it is told."""
        return self.sqlite.name if self.sqlite is not None else str(self.dialect.name)

    def autocommits(self) -> bool:
        """Whether each statement is a transaction of its own."""
        if self.sqlite is not None:
            return self.sqlite.autocommits()
        return bool(getattr(self.raw, "autocommit", False))

    def has_unwritten(self) -> bool:
        """Whether the session that uses it has changes that it has not written yet."""
        session = self.session() if self.session is not None else None
        return session is not None and bool(session.new or session.dirty or session.deleted)


class Links:
    """All connections that were handed out and are still open."""

    def __init__(self) -> None:
        self._links: dict[int, Link] = {}

    def __iter__(self) -> Iterator[Link]:
        return iter(list(self._links.values()))

    def of(self, raw: Any) -> Link | None:
        """What is known of a connection: of the driver's, or of the proxy that a pool hands out."""
        return self._links.get(id(getattr(raw, "dbapi_connection", raw)))

    def add(self, link: Link) -> Link:
        """Remember a connection, as long as it is open."""
        self._links[id(link.raw)] = link
        return link

    def remove(self, raw: Any) -> Link | None:
        """A connection is closed."""
        return self._links.pop(id(raw), None)

    def of_process(self, process: Process) -> list[Link]:
        """The connections that a process took out last."""
        return [link for link in self if link.process is process]
