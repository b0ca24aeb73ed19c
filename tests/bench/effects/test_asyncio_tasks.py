"""Effects in tasks of asyncio: each names the line of the user's code that had it done."""

from __future__ import annotations

import asyncio
import linecache
import sys
from asyncio.base_events import BaseEventLoop
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest
from celery import Celery
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession, async_sessionmaker

import coldframe
from coldframe import Bench
from coldframe._effects import users_code

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1]))

from sqlalchemy_shop import SPEND, Shop, drivers, open_shop
from watching import define, run, touched

Main = Callable[[], Coroutine[Any, Any, Any]]

HERE = Path(__file__)


@pytest.fixture(params=drivers("aiosqlite", "asyncpg"))
def shop(request: pytest.FixtureRequest) -> Iterator[Shop]:
    """A shop for each driver that is awaited."""
    yield from open_shop(request.param, request)


def run_main(app: Celery, main: Main) -> Bench:
    """Run a coroutine as a task."""
    return run(app, lambda: asyncio.run(main()))


def lines(bench: Bench, effect: str) -> list[str]:
    """The lines that are told of each effect of a kind, as they stand in this file."""
    places = [event.where.partition(":") for event in touched(bench, effect)]
    assert {file for file, _, _ in places} == {f"tests/bench/effects/{HERE.name}"}
    return [linecache.getline(str(HERE), int(number)).strip() for _, _, number in places]


def test_the_commit_at_the_end_of_a_block_is_told_by_the_line_of_the_block(app: Celery, shop: Shop) -> None:
    sessions = async_sessionmaker(shop.engine)

    async def spend() -> None:
        async with sessions.begin() as session:
            await session.execute(SPEND)

    bench = run_main(app, spend)
    assert lines(bench, "sql.commit") == ["async with sessions.begin() as session:"]
    assert lines(bench, "sql.write") == ["await session.execute(SPEND)"]


def test_the_rollback_of_a_block_that_fails_is_told_by_the_line_of_the_block(app: Celery, shop: Shop) -> None:
    async def spend_too_much() -> None:
        async with AsyncSession(shop.engine) as session:
            await session.execute(SPEND)
            raise ValueError("not that much")

    assert lines(run_main(app, spend_too_much), "sql.rollback") == ["async with AsyncSession(shop.engine) as session:"]


def test_the_commit_of_a_connections_block_is_told_by_the_line_of_the_block(app: Celery, shop: Shop) -> None:
    async def spend() -> None:
        async with shop.engine.begin() as connection:
            await connection.execute(SPEND)

    assert lines(run_main(app, spend), "sql.commit") == ["async with shop.engine.begin() as connection:"]


def test_a_block_in_a_coroutine_that_is_gathered_keeps_its_line(app: Celery, shop: Shop) -> None:
    async def spend(connection: AsyncConnection) -> None:
        async with connection.begin():
            await connection.execute(SPEND)

    async def spend_twice() -> None:
        async with shop.engine.connect() as first:
            await asyncio.gather(spend(first))
            await asyncio.create_task(spend(first))

    assert lines(run_main(app, spend_twice), "sql.commit") == ["async with connection.begin():"] * 2


def test_a_coroutine_of_a_library_is_told_by_the_line_that_made_a_task_of_it(app: Celery, shop: Shop) -> None:
    async def spend() -> None:
        async with AsyncSession(shop.engine) as session:
            await session.execute(SPEND)
            await asyncio.wait_for(session.commit(), 5)
            await session.execute(SPEND)
            committing = asyncio.create_task(session.commit())
            await committing

    assert lines(run_main(app, spend), "sql.commit") == [
        "await asyncio.wait_for(session.commit(), 5)",
        "committing = asyncio.create_task(session.commit())",
    ]


def test_in_coroutines_that_are_gathered_their_own_lines_are_told(app: Celery) -> None:
    async def tell(name: str) -> None:
        await asyncio.sleep(1)
        with coldframe.effect("sms", f"to {name}"):
            pass

    async def call(name: str) -> None:
        with coldframe.effect("sms", f"calls {name}"):
            await asyncio.sleep(1)

    async def tell_all() -> None:
        await asyncio.gather(tell("ada"), call("bob"))

    assert sorted(lines(run_main(app, tell_all), "sms")) == [
        'with coldframe.effect("sms", f"calls {name}"):',
        'with coldframe.effect("sms", f"to {name}"):',
    ]


def test_a_task_that_a_library_starts_from_its_own_task_is_told_by_the_first_line(app: Celery, shop: Shop) -> None:
    async def spend() -> None:
        session = AsyncSession(shop.engine)
        await session.execute(SPEND)
        # A task for wait_for, in which closing the session is a task of SQLAlchemy's.
        await asyncio.wait_for(session.__aexit__(None, None, None), 5)

    assert lines(run_main(app, spend), "sql.rollback") == [
        "await asyncio.wait_for(session.__aexit__(None, None, None), 5)"
    ]


def test_no_task_is_remembered_when_the_bench_is_closed(app: Celery) -> None:
    before = vars(BaseEventLoop)["create_task"]
    kept: list[asyncio.Task[Any]] = []

    async def keep() -> None:
        kept.append(asyncio.create_task(asyncio.sleep(1)))
        await kept[0]

    task = define(app, lambda: asyncio.run(keep()))
    with Bench(app) as bench:
        task.delay()
        bench.drain()
        assert kept[0] in users_code._started_at
    assert kept[0].done()
    assert len(users_code._started_at) == 0
    assert vars(BaseEventLoop)["create_task"] is before
