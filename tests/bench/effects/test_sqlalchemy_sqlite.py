"""SQLite under SQLAlchemy: in memory all share one connection, and in files transactions follow each other."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from celery import Celery
from sqlalchemy import StaticPool, create_engine, event, exc, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import Session

from coldframe import Bench

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1]))

from sqlalchemy_shop import (
    POSTGRES,
    SPEND,
    SQLITE,
    Account,
    Base,
    Shop,
    balance,
    drivers,
    in_memory,
    nap,
    open_shop,
    spend,
    spend_slowly,
)
from watching import define, kill, outcomes, touched


@pytest.fixture(params=drivers(*SQLITE, *POSTGRES))
def shop(request: pytest.FixtureRequest) -> Iterator[Shop]:
    """A shop for each driver."""
    yield from open_shop(request.param, request)


@pytest.fixture
def file(request: pytest.FixtureRequest) -> Iterator[Shop]:
    """A shop in a file, for the driver of the standard library."""
    yield from open_shop("pysqlite", request)


# --- one connection for all ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("pool", [None, StaticPool])
def test_on_a_shared_connection_transactions_follow_each_other(app: Celery, pool: Any) -> None:
    engine = in_memory(poolclass=pool)

    def spend() -> None:
        with Session(engine) as session:
            session.execute(SPEND)
            nap(10)
            session.commit()

    def look() -> int:
        nap(1)
        return balance(engine)

    spending, looking = define(app, spend), define(app, look)
    with Bench(app) as bench:
        spending.delay()
        spending.delay()
        result = looking.delay()
        bench.drain()
        assert result.get() == 40
        commits = [(item.at - bench.trace[0].at) / 1e6 for item in touched(bench, "sql.commit")]
    assert commits == [10.0, 20.0]
    assert balance(engine) == 40
    engine.dispose()


@pytest.mark.parametrize("pool", [None, StaticPool])
def test_on_a_shared_connection_a_dead_process_is_rolled_back(app: Celery, pool: Any) -> None:
    engine = in_memory(poolclass=pool)

    def spend() -> None:
        with Session(engine) as session:
            session.execute(SPEND)
            session.commit()

    task = define(app, spend)
    with Bench(app, failures="collect") as bench:
        kill(bench, "after", "sql.write")
        task.delay()
        bench.drain()
        assert balance(engine) == 100
        task.delay()
        bench.drain()
    assert outcomes(bench) == ["LOST", "SUCCESS"]
    assert balance(engine) == 70
    engine.dispose()


def test_who_only_reads_on_a_shared_connection_rolls_nobody_back(app: Celery) -> None:
    engine = in_memory()
    task = define(app, lambda: balance(engine))
    with Bench(app) as bench, Session(engine) as session:
        session.execute(SPEND)
        result = task.delay()
        bench.drain()
        assert result.get() == 70
        session.commit()
    assert balance(engine) == 70
    engine.dispose()


def test_coroutines_share_a_database_in_memory(app: Celery) -> None:
    engine = create_async_engine("sqlite+aiosqlite://")

    async def prepare() -> None:
        async with engine.begin() as connection:
            await connection.run_sync(Base.metadata.create_all)
            await connection.execute(text("INSERT INTO account VALUES (1, 100)"))

    def spend() -> None:
        async def main() -> None:
            async with AsyncSession(engine) as session:
                await session.execute(SPEND)
                await asyncio.sleep(10)
                await session.commit()

        asyncio.run(main())

    async def look() -> int:
        async with AsyncSession(engine) as session:
            found = (await session.get_one(Account, 1)).balance
        await engine.dispose()
        return found

    task = define(app, spend)
    with Bench(app) as bench:
        asyncio.run(prepare())
        task.delay()
        task.delay()
        bench.drain()
        commits = [(item.at - bench.trace[0].at) / 1e6 for item in touched(bench, "sql.commit")]
        assert asyncio.run(look()) == 40
    assert commits == [10.0, 20.0]


@pytest.mark.parametrize("connections", ["own", "shared"])
def test_a_database_in_memory_with_a_common_cache_is_like_a_file(app: Celery, connections: Any) -> None:
    engine = create_engine("sqlite:///file::memory:?cache=shared&uri=true")
    holder = engine.connect()
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        session.add(Account(id=1, balance=100))
        session.commit()

    def spend() -> None:
        with Session(engine) as session:
            account = session.get_one(Account, 1, with_for_update=True)
            nap(10)
            account.balance -= 30
            session.commit()

    task = define(app, spend)
    with Bench(app, connections=connections) as bench:
        task.delay()
        task.delay()
        bench.drain()
    assert balance(engine) == 40
    holder.close()
    engine.dispose()


# --- SQLite in files ----------------------------------------------------------------------------------------------


def test_a_transaction_begun_by_hand_begins_with_its_first_write(app: Celery, file: Shop) -> None:
    engine = create_engine(file.url)
    event.listen(engine, "connect", lambda raw, _record: setattr(raw, "isolation_level", None))
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN"))

    def spend() -> None:
        with Session(engine) as session:
            found = session.scalars(select(Account.balance).where(Account.id == 1)).one()
            nap(10)
            session.execute(update(Account).where(Account.id == 1).values(balance=found - 30))
            session.commit()

    task = define(app, spend)
    for connections in ("own", "shared"):
        with Bench(app, connections=connections) as bench:
            task.delay()
            task.delay()
            bench.drain()
        assert [item.transaction for item in touched(bench)] == [1, 1, 2, 2]
    assert file.balance() == 40
    engine.dispose()


def test_a_lock_taken_by_hand_is_waited_for(app: Celery, file: Shop) -> None:
    def spend() -> None:
        with file.engine.connect() as connection:
            raw = connection.connection.dbapi_connection
            raw.isolation_level = None
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            nap(10)
            connection.execute(SPEND)
            connection.exec_driver_sql("COMMIT")
            raw.isolation_level = ""

    task = define(app, spend)
    with Bench(app, connections="own") as bench:
        task.delay()
        task.delay()
        bench.drain()
        commits = [(item.at - bench.trace[0].at) / 1e6 for item in touched(bench, "sql.commit")]
    assert commits == [10.0, 20.0]
    assert file.balance() == 40


def test_rows_that_are_read_one_by_one_keep_nobody_from_committing(app: Celery, file: Shop) -> None:
    def read() -> list[int]:
        found = []
        with file.engine.connect() as connection:
            for (amount,) in connection.execution_options(yield_per=1).execute(select(Account.balance)):
                found.append(amount)
                nap(10)
        return found

    def spend_later() -> None:
        nap(5)
        file.run(spend)

    reading, spending = define(app, read), define(app, spend_later)
    with Bench(app, connections="own") as bench:
        result = reading.delay()
        spending.delay()
        bench.drain()
        assert result.get() == [100, 100]
    assert file.balance() == 70


def test_who_does_not_want_to_wait_is_told_at_once(app: Celery, shop: Shop) -> None:
    def hold() -> None:
        shop.run(spend_slowly)

    def lock() -> str:
        nap(1)
        try:
            shop.run(lambda session: session.get_one(Account, 1, with_for_update={"nowait": True}))
        except exc.DBAPIError as error:
            return str(error.orig).partition("\n")[0]
        return ""

    holding, locking = define(app, hold), define(app, lock)
    with Bench(app, connections="own") as bench:
        start = bench.now
        holding.delay()
        result = locking.delay()
        bench.finish(result)
        assert (bench.now - start).total_seconds() == 1.0
        answer = result.get()
        bench.drain()
    on_server = 'could not obtain lock on row in relation "account"'
    assert answer.endswith("database is locked" if shop.is_sqlite else on_server)


def test_two_transactions_of_one_task_cannot_wait_for_each_other(app: Celery, file: Shop) -> None:
    def both() -> str:
        with Session(file.engine) as first, Session(file.engine) as second:
            first.execute(SPEND)
            try:
                second.execute(SPEND)
            except exc.OperationalError as error:
                return str(error.orig)
        return ""

    task = define(app, both)
    with Bench(app, connections="own") as bench:
        result = task.delay()
        bench.drain()
        assert result.get() == "database is locked"
