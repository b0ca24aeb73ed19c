"""Pools of SQLAlchemy on a bench: one for each process, exhausted, from before the bench, and after a death."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from celery import Celery, signals
from sqlalchemy import NullPool, StaticPool, create_engine, event, exc, select, text
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import Session, scoped_session, sessionmaker

from coldframe import Bench
from coldframe.errors import NeverReady, SetupError
from coldframe.trace import Published, TransactionEnded

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1]))

from process_state import nothing_left
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
)
from watching import define, kill, outcomes, told, touched


@pytest.fixture(params=drivers(*SQLITE, *POSTGRES))
def shop(request: pytest.FixtureRequest) -> Iterator[Shop]:
    """A shop for each driver."""
    yield from open_shop(request.param, request)


@pytest.fixture
def file(request: pytest.FixtureRequest) -> Iterator[Shop]:
    """A shop in a file, for the driver of the standard library."""
    yield from open_shop("pysqlite", request)


# --- a pool for each process ------------------------------------------------------------------------------------


def test_each_process_has_a_pool_of_its_own(app: Celery, file: Shop) -> None:
    def look() -> list[Any]:
        with file.engine.connect() as connection:
            nap(1)
            return [id(file.engine.pool), id(connection.connection.dbapi_connection)]

    task = define(app, look)
    with Bench(app, connections="own") as bench:
        for name in ("north", "south"):
            bench.node(name, concurrency=1, prefetch_multiplier=1)
        results = [task.delay(), task.delay()]
        bench.drain()
        pools, raw = zip(*(result.get() for result in results), [id(file.engine.pool), 0], strict=True)
    assert (len(set(pools)), len(set(raw))) == (3, 3)


def test_a_process_keeps_its_pool_from_task_to_task(app: Celery, file: Shop) -> None:
    def look() -> list[int]:
        file.run(lambda session: session.get_one(Account, 1))
        return [id(file.engine.pool), file.engine.pool.checkedin()]

    task = define(app, look)
    with Bench(app, connections="own") as bench:
        bench.node("north", concurrency=1)
        first, second = task.delay(), task.delay()
        bench.drain()
        assert first.get() == second.get()
        assert first.get()[1] == 1


def test_an_engine_that_starts_anew_in_a_process_leaves_the_others_alone(app: Celery, file: Shop) -> None:
    def start(**_: Any) -> None:
        file.engine.dispose(close=False)

    task = define(app, lambda: file.run(lambda session: session.get_one(Account, 1).balance))
    before = file.engine.pool
    signals.worker_process_init.connect(start)
    try:
        with Bench(app, connections="own") as bench:
            result = task.delay()
            bench.drain()
            assert result.get() == 100
            assert file.engine.pool is before
    finally:
        signals.worker_process_init.disconnect(start)
    assert file.engine.pool is before


def test_an_engine_made_by_a_task_serves_the_test_afterwards(app: Celery, file: Shop) -> None:
    made = []

    def make() -> None:
        made.append(create_engine(file.url))
        file.run(spend, made[0])

    task = define(app, make)
    with Bench(app, connections="own") as bench:
        task.delay()
        bench.drain()
    assert balance(made[0]) == 70
    made[0].dispose()


@pytest.mark.parametrize("pool", [None, StaticPool, NullPool])
def test_in_memory_no_process_can_have_connections_of_its_own(app: Celery, pool: Any) -> None:
    engine = create_engine("sqlite://", poolclass=pool)
    task = define(app, lambda: balance(engine))
    told_so = r"the database of Engine\(sqlite://\) is in memory, where processes cannot have connections of their own"
    with pytest.raises(SetupError, match=told_so), Bench(app, connections="own") as bench:
        task.delay()
        bench.drain()
    engine.dispose()


# --- limits of pools ----------------------------------------------------------------------------------------------


def test_an_exhausted_pool_is_waited_for_in_virtual_time(app: Celery, file: Shop) -> None:
    engine = create_engine(file.url, pool_size=1, max_overflow=0, pool_timeout=30)

    def hold() -> float:
        with engine.connect():
            nap(20)
        return time.time()

    task = define(app, hold)
    with Bench(app) as bench:
        start = bench.now.timestamp()
        results = [task.delay(), task.delay()]
        bench.drain()
        assert [result.get() - start for result in results] == [20.0, 40.0]
    engine.dispose()


def test_an_exhausted_pool_gives_up_after_its_timeout(app: Celery, file: Shop) -> None:
    engine = create_engine(file.url, pool_size=1, max_overflow=0, pool_timeout=30)

    def hold() -> str:
        with engine.connect():
            try:
                engine.connect()
            except exc.TimeoutError as error:
                return str(error).partition(" (")[0]
        return ""

    task = define(app, hold)
    with Bench(app) as bench:
        start = bench.now
        result = task.delay()
        bench.drain()
        waited = "QueuePool limit of size 1 overflow 0 reached, connection timed out, timeout 30.00"
        assert (result.get(), (bench.now - start).total_seconds()) == (waited, 30.0)
    engine.dispose()


def test_the_connection_of_a_dead_process_goes_back_to_its_pool(app: Celery, file: Shop) -> None:
    engine = create_engine(file.url, pool_size=1, max_overflow=0)
    task = define(app, lambda: file.run(spend, engine))
    with Bench(app, failures="collect") as bench:
        kill(bench, "before", "sql.commit")
        task.delay()
        bench.drain()
        task.delay()
        bench.drain()
    assert outcomes(bench) == ["LOST", "SUCCESS"]
    assert (engine.pool.checkedout(), file.balance()) == (0, 70)
    engine.dispose()


# --- the test and its tasks -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("wait", ["drain", "get", "finish"])
def test_a_lock_that_the_test_holds_is_told(app: Celery, shop: Shop, wait: str) -> None:
    if shop.is_async:
        pytest.skip("a test below asyncio has no session open while it drives the bench")
    task = define(app, lambda: shop.run(spend))
    message = (
        r"task shop.lambda \[.{8}\] waits for a lock in the database that the test holds, in a transaction that it has "
        r"not ended\n  hint: commit or roll back in the test before it waits for tasks, with bench.drain\(\) or "
    )
    with Bench(app, connections="own") as bench, Session(shop.engine) as session:
        session.execute(SPEND)
        result = task.delay()
        bench.settle()
        ways = {"drain": bench.drain, "get": result.get, "finish": lambda: bench.finish(result)}
        with pytest.raises(NeverReady, match=message):
            ways[wait]()
        session.commit()
        bench.drain()
    assert shop.balance() == 40


def test_a_message_knows_the_transaction_that_it_was_sent_in(app: Celery, file: Shop) -> None:
    receipt = define(app, lambda: None)

    def written(session: Session) -> None:
        session.execute(SPEND)
        receipt.delay()
        session.commit()

    def changed(session: Session) -> None:
        session.get_one(Account, 1).balance = 0
        receipt.delay()
        session.rollback()

    def committed(session: Session) -> None:
        session.execute(SPEND)
        session.commit()
        receipt.delay()

    @app.task(name="shop.run", shared=False)
    def run(name: str) -> None:
        file.run({"written": written, "changed": changed, "committed": committed}[name])

    with Bench(app, connections="own") as bench:
        bench.node(concurrency=1)
        for name in ("written", "changed", "committed"):
            run.delay(name)
        bench.drain()
    sent = [item for item in bench.trace if isinstance(item, Published) and item.task == "shop.lambda"]
    ended = [item for item in bench.trace if isinstance(item, TransactionEnded)]
    assert [item.in_transaction for item in sent] == [True, True, False]
    assert [item.committed for item in ended] == [True, False]
    assert [item.messages for item in ended] == [(sent[0].message,), (sent[1].message,)]


def test_connections_from_before_the_bench_are_waited_for(app: Celery, tmp_path: Path) -> None:
    engine = create_async_engine(f"sqlite+aiosqlite:///{tmp_path / 'shop.sqlite3'}")

    async def prepare() -> None:
        async with engine.begin() as connection:
            await connection.run_sync(Base.metadata.create_all)
            await connection.execute(text("INSERT INTO account VALUES (1, 100)"))

    async def spend() -> None:
        async with AsyncSession(engine) as session:
            await session.execute(SPEND)
            await session.commit()

    async def look() -> int:
        async with AsyncSession(engine) as session:
            found = (await session.get_one(Account, 1)).balance
        await engine.dispose()
        return found

    asyncio.run(prepare())
    task = define(app, lambda: asyncio.run(spend()))
    with Bench(app, failures="collect") as bench:
        kill(bench, "before", "sql.commit")
        task.delay()
        bench.drain()
        task.delay()
        bench.drain()
        assert outcomes(bench) == ["LOST", "SUCCESS"]
    assert asyncio.run(look()) == 70


def test_sqlalchemy_may_be_imported_by_a_task(tmp_path: Path) -> None:
    script = """
import sys
from celery import Celery
from coldframe import Bench
from coldframe.trace import Touched

app = Celery("shop", broker="amqp://broker.internal//", backend="redis://results.internal/3")

@app.task(name="shop.spend")
def spend():
    from sqlalchemy import create_engine, text
    engine = create_engine(f"sqlite:///{sys.argv[1]}")
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE account (id INTEGER)"))
        connection.execute(text("INSERT INTO account VALUES (1)"))
    engine.dispose()

with Bench(app, connections="own") as bench:
    assert "sqlalchemy" not in sys.modules
    spend.delay()
    bench.drain()
print([event.what for event in bench.trace if isinstance(event, Touched) and event.effect.startswith("sql")])
"""
    command = [sys.executable, "-W", "error", "-c", script, str(tmp_path / "shop.sqlite3")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.stderr == ""
    assert done.stdout == "['CREATE TABLE account', 'INSERT account', 'shop.sqlite3']\n"


def test_nothing_is_left_of_exhausted_and_shared_pools(app: Celery) -> None:
    engine = in_memory()
    task = define(app, lambda: balance(engine))
    with nothing_left(), Bench(app) as bench:
        task.delay()
        bench.drain()
        assert told(bench) == []
    engine.dispose()


# --- sessions that live longer ------------------------------------------------------------------------------------


def test_a_scoped_session_belongs_to_one_process(app: Celery, file: Shop) -> None:
    scoped = scoped_session(sessionmaker(file.engine))

    @app.task(name="shop.spend", shared=False)
    def spend_or_not(fails: bool) -> int:
        scoped.execute(select(Account)).all()
        nap(1)
        scoped.execute(SPEND)
        if fails:
            scoped.rollback()
        else:
            scoped.commit()
        mine = id(scoped())
        scoped.remove()
        return mine

    with Bench(app, connections="own") as bench:
        for name in ("north", "south"):
            bench.node(name, concurrency=1, prefetch_multiplier=1)
        mine = scoped()
        results = [spend_or_not.delay(fails=True), spend_or_not.delay(fails=False)]
        bench.drain()
        assert len({id(mine), *(result.get() for result in results)}) == 3
        assert scoped() is mine
    assert scoped() is mine
    assert file.balance() == 70
    scoped.remove()


def test_what_tasks_write_in_the_transaction_of_the_test_goes_with_it(app: Celery, file: Shop) -> None:
    event.listen(file.engine, "connect", lambda raw, _record: setattr(raw, "isolation_level", None))
    event.listen(file.engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN"))
    connection = file.engine.connect()
    transaction = connection.begin()
    sessions = sessionmaker(connection, join_transaction_mode="create_savepoint")

    def run() -> None:
        with sessions() as session:
            spend(session)

    task = define(app, run)
    with Bench(app) as bench:
        task.delay()
        bench.drain()
    assert told(bench) == ["sql.write UPDATE account"]
    assert touched(bench)[0].transaction is None
    with sessions() as session:
        assert session.get_one(Account, 1).balance == 70
    transaction.rollback()
    connection.close()
    assert file.balance() == 100
