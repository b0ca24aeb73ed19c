"""Scenarios whose tasks use SQLAlchemy on PostgreSQL: runs use copies of the database, which are gone afterwards."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from celery import Celery
from sqlalchemy import create_engine, text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from coldframe import harden
from coldframe.errors import ScenarioError

pytestmark = pytest.mark.postgres

ADD = text("UPDATE books SET balance = balance + 10")


@pytest.fixture
def books(postgres_dsn: str) -> Iterator[str]:
    """The address of a database with a row."""
    with psycopg.connect(postgres_dsn, autocommit=True) as connection:
        connection.execute("CREATE TABLE books (id serial PRIMARY KEY, balance integer)")
        connection.execute("INSERT INTO books (balance) VALUES (100)")
    yield postgres_dsn
    with psycopg.connect(postgres_dsn, autocommit=True) as connection:
        connection.execute("DROP TABLE books")


@pytest.fixture(params=["psycopg", "psycopg async", "asyncpg"])
def engine(request: pytest.FixtureRequest, books: str) -> Iterator[Any]:
    """An engine, in each of the ways to speak to PostgreSQL."""
    driver, *is_async = request.param.split()
    make = create_async_engine if is_async or driver == "asyncpg" else create_engine
    engine = make(books.replace("postgresql://", f"postgresql+{driver}://"))
    yield engine
    (engine.sync_engine if isinstance(engine, AsyncEngine) else engine).dispose()


def adding(engine: Any, times: int = 1) -> Callable[[], None]:
    """What a task does: add 10, each time in a transaction of its own."""

    def add() -> None:
        for _ in range(times):
            with engine.begin() as connection:
                connection.execute(ADD)

    async def add_async() -> None:
        for _ in range(times):
            async with engine.begin() as connection:
                await connection.execute(ADD)
        await engine.dispose()

    def run_add_async() -> None:
        asyncio.run(add_async())

    return run_add_async if isinstance(engine, AsyncEngine) else add


def balance(books: str) -> int:
    with psycopg.connect(books) as connection:
        (found,) = connection.execute("SELECT balance FROM books").fetchone() or (0,)
        return int(found)


def copies(books: str) -> set[str]:
    """The databases of this process beside that one."""
    with psycopg.connect(books) as connection:
        of_this_process = f"coldframe\\_{os.getpid()}\\_"
        found = connection.execute(
            "SELECT datname FROM pg_database WHERE datname LIKE %s AND datname <> current_database()",
            [f"%{of_this_process}%"],
        )
        return {name for (name,) in found}


@pytest.mark.parametrize("workers", [1, 2])
def test_each_run_begins_with_the_same_rows_in_a_copy(app: Celery, engine: Any, books: str, workers: int) -> None:
    app.task(name="shop.book")(adding(engine))
    result = harden(
        lambda bench: app.send_task("shop.book"),
        app=app,
        databases=[engine],
        faults="kills",
        name="it",
        workers=workers,
    )
    (cause, *_) = result.causes
    assert (cause.verdict, cause.simplest.facts) == (
        "diverged",
        ("1 row of books differs: balance 120 instead of 110",),
    )
    assert balance(books) == 100
    assert copies(books) == set()


def test_what_the_set_up_writes_is_there_in_each_run_and_gone_afterwards(app: Celery, engine: Any, books: str) -> None:
    app.task(name="shop.book")(adding(engine))
    result = harden(
        lambda bench: app.send_task("shop.book"),
        app=app,
        setup=adding(engine, times=5),
        databases=[engine],
        faults="kills",
        name="it",
    )
    assert result.causes[0].simplest.facts == ("1 row of books differs: balance 170 instead of 160",)
    assert balance(books) == 100
    assert copies(books) == set()


def test_two_commits_are_told_as_a_cause_and_one_holds(app: Celery, engine: Any) -> None:
    app.task(name="shop.book_twice", acks_late=False)(adding(engine, times=2))
    app.task(name="shop.book", acks_late=False)(adding(engine))
    options: dict[str, Any] = {"app": app, "databases": [engine], "faults": "kills", "name": "it"}
    verdicts = {report.verdict for report in harden(lambda bench: app.send_task("shop.book_twice"), **options).reports}
    assert verdicts == {"lost", "diverged", "held"}


def test_a_connection_that_is_open_is_told(app: Celery, tell: Any, books: str) -> None:
    engine = create_engine(books.replace("postgresql://", "postgresql+psycopg://"))
    complaint = r"is in use, and PostgreSQL copies only one that nobody is connected to\n  hint: close the sessions"
    with psycopg.connect(books), pytest.raises(ScenarioError, match=complaint):
        harden(lambda bench: tell.delay("ada"), app=app, databases=[engine], name="it")
    assert harden(lambda bench: tell.delay("ada"), app=app, databases=[engine], name="it").complete
    engine.dispose()


def test_a_database_that_was_forgotten_is_told(app: Celery, books: str) -> None:
    engine = create_engine(books.replace("postgresql://", "postgresql+psycopg://"))
    app.task(name="shop.book")(adding(engine))
    with pytest.raises(ScenarioError, match=r"it writes to SQLAlchemy's database 'postgresql', which is not put back"):
        harden(lambda bench: app.send_task("shop.book"), app=app, name="it")
    engine.dispose()
