"""A table of accounts in each kind of database, used in one way whatever the driver."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import NullPool, create_engine, update
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

Body = Callable[[Session], Any]

SQLITE = ("pysqlite", "aiosqlite")
POSTGRES = ("psycopg", "psycopg async", "asyncpg")


def nap(seconds: float) -> None:
    """Let virtual time pass in a task."""
    time.sleep(seconds)  # noqa: TID251 - on an open bench


class Base(DeclarativeBase):
    """The models of the shop."""


class Account(Base):
    """What somebody has."""

    __tablename__ = "account"

    id: Mapped[int] = mapped_column(primary_key=True)
    balance: Mapped[int]


SPEND = update(Account).where(Account.id == 1).values(balance=Account.balance - 30)


def spend(session: Session) -> None:
    """Take 30 from the first account."""
    session.execute(SPEND)
    session.commit()


def spend_slowly(session: Session) -> None:
    """Take 30 from the first account, in a transaction of 10 seconds."""
    session.execute(SPEND)
    nap(10)
    session.commit()


def in_memory(**options: Any) -> Any:
    """An engine whose database is in memory, with two accounts of 100."""
    engine = create_engine("sqlite://", **options)
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        session.add_all([Account(id=1, balance=100), Account(id=2, balance=100)])
        session.commit()
    return engine


def balance(engine: Any) -> int:
    """What is in the first account."""
    with Session(engine) as session:
        return session.get_one(Account, 1).balance


class Shop:
    """Two accounts of 100 each, and an engine that tasks use.

    Args:
        driver: How the engine speaks to the database.
        place: The path of a file, or the address of a server.
    """

    def __init__(self, driver: str, place: str) -> None:
        self.driver = driver
        self.place = place
        self.is_async = driver not in ("pysqlite", "psycopg")
        self.is_sqlite = driver in SQLITE
        prefix = "sqlite+" if self.is_sqlite else "postgresql+"
        self.url = f"{prefix}{driver.split()[0]}:///" + (place if self.is_sqlite else place.partition(":///")[2])
        if not self.is_sqlite:
            self.url = place.replace("postgresql://", f"postgresql+{driver.split()[0]}://")
        self.engine = self.make_engine()
        self.rebuild()

    def make_engine(self, **options: Any) -> Any:
        """Another engine for the same database."""
        if not self.is_async:
            return create_engine(self.url, **options)
        # Connections of asyncpg belong to their event loop, and each of these tasks has its own.
        return create_async_engine(self.url, poolclass=NullPool, **options)

    def rebuild(self) -> None:
        """Make the table anew, without the engine."""
        self.ask("DROP TABLE IF EXISTS account")
        self.ask("CREATE TABLE account (id INTEGER PRIMARY KEY, balance INTEGER NOT NULL)")
        self.ask("INSERT INTO account VALUES (1, 100), (2, 100)")

    def run(self, body: Body, engine: Any = None) -> Any:
        """What a task does: a session of its own, with blocking code in it."""
        engine = engine or self.engine
        if not self.is_async:
            with Session(engine) as session:
                return body(session)

        async def main() -> Any:
            async with AsyncSession(engine) as session:
                return await session.run_sync(body)

        return asyncio.run(main())

    def ask(self, sql: str) -> list[Any]:
        """Ask the database itself."""
        if self.is_sqlite:
            connection = sqlite3.connect(self.place)
            try:
                with connection:
                    return connection.execute(sql).fetchall()
            finally:
                connection.close()
        with psycopg.connect(self.place) as server:
            cursor = server.execute(sql)
            return cursor.fetchall() if cursor.description else []

    def balance(self, account: int = 1) -> int:
        """What is in an account."""
        return int(self.ask(f"SELECT balance FROM account WHERE id = {account}")[0][0])

    def close(self) -> None:
        """Close what the engine has in its pool."""
        if self.is_async:
            asyncio.run(self.engine.dispose())
        else:
            self.engine.dispose()


def open_shop(driver: str, request: pytest.FixtureRequest) -> Iterator[Shop]:
    """A shop for one test."""
    if driver in SQLITE:
        place = str(Path(request.getfixturevalue("tmp_path")) / "shop.sqlite3")
    else:
        place = request.getfixturevalue("postgres_dsn")
    shop = Shop(driver, place)
    yield shop
    shop.close()


def drivers(*names: str) -> list[Any]:
    """Drivers as parameters; those that need a server say so."""
    return [pytest.param(name, marks=pytest.mark.postgres if name in POSTGRES else ()) for name in names]
