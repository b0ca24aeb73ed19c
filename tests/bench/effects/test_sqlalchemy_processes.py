"""Two processes on one database: what they see of each other with SQLAlchemy, and how they wait for each other."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from celery import Celery
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from coldframe import Bench
from coldframe.trace import Finished

sys.path.insert(0, str(Path(__file__).parent))

from sqlalchemy_shop import POSTGRES, SQLITE, Account, Shop, drivers, nap, open_shop
from watching import define, kill, outcomes, touched


@pytest.fixture(params=drivers(*SQLITE, *POSTGRES))
def shop(request: pytest.FixtureRequest) -> Iterator[Shop]:
    """A shop for each driver."""
    yield from open_shop(request.param, request)


@pytest.fixture(params=drivers(*POSTGRES))
def server(request: pytest.FixtureRequest) -> Iterator[Shop]:
    """A shop for each driver of PostgreSQL."""
    yield from open_shop(request.param, request)


@pytest.fixture(params=["own", "shared"])
def connections(request: pytest.FixtureRequest) -> str:
    """Whether each process has connections of its own."""
    return str(request.param)


def pay_as_read(session: Session) -> None:
    account = session.get_one(Account, 1)
    nap(10)
    account.balance -= 30
    session.commit()


def pay_under_lock(session: Session) -> None:
    account = session.get_one(Account, 1, with_for_update=True)
    nap(10)
    account.balance -= 30
    session.commit()


def pay_if_enough(session: Session) -> int:
    nap(1)
    is_enough = (Account.id == 1, Account.balance >= 60)
    paid = session.execute(update(Account).where(*is_enough).values(balance=Account.balance - 60))
    nap(10)
    session.commit()
    return int(paid.rowcount)


def two_nodes(bench: Bench) -> None:
    for name in ("north", "south"):
        bench.node(name, concurrency=1, prefetch_multiplier=1)


def task_of(app: Celery, shop: Shop, body: Any) -> Any:
    def run() -> Any:
        return shop.run(body)

    task = define(app, run)
    task.acks_late = True
    return task


def when(bench: Bench, effect: str) -> list[tuple[float, str]]:
    """At which second each effect of a kind took place, and in which process."""
    return [((event.at - bench.trace[0].at) / 1e6, event.by) for event in touched(bench, effect)]


def test_what_both_have_read_one_of_them_overwrites(app: Celery, shop: Shop, connections: Any) -> None:
    task = task_of(app, shop, pay_as_read)
    with Bench(app, connections=connections) as bench:
        two_nodes(bench)
        task.delay()
        task.delay()
        bench.drain()
    assert when(bench, "sql.commit") == [(10.0, "north/1"), (10.0, "south/1")]
    assert shop.balance() == 70


def test_a_lock_makes_one_wait_for_the_other(app: Celery, shop: Shop, connections: Any) -> None:
    task = task_of(app, shop, pay_under_lock)
    with Bench(app, connections=connections) as bench:
        two_nodes(bench)
        task.delay()
        task.delay()
        bench.drain()
    assert when(bench, "sql.commit") == [(10.0, "north/1"), (20.0, "south/1")]
    assert shop.balance() == 40


def test_a_conditional_update_sees_what_the_other_committed(app: Celery, shop: Shop, connections: Any) -> None:
    task = task_of(app, shop, pay_if_enough)
    with Bench(app, connections=connections) as bench:
        two_nodes(bench)
        results = [task.delay(), task.delay()]
        bench.drain()
        assert [result.get() for result in results] == [1, 0]
    assert [event.details["rows"] for event in touched(bench, "sql.write")] == [1, 0]
    assert when(bench, "sql.commit") == [(11.0, "north/1"), (21.0, "south/1")]
    assert shop.balance() == 40


def test_nobody_sees_what_is_not_committed(app: Celery, shop: Shop, connections: Any) -> None:
    def spend_slowly(session: Session) -> None:
        session.execute(update(Account).values(balance=0))
        nap(10)
        session.commit()

    def look(session: Session) -> list[int]:
        seen = []
        for _ in range(3):
            nap(4)
            seen.append(session.scalars(select(Account.balance).where(Account.id == 1)).one())
            session.expire_all()
        return seen

    spending = define(app, lambda_named("spend", lambda: shop.run(spend_slowly)))
    looking = define(app, lambda_named("look", lambda: shop.run(look)))
    with Bench(app, connections=connections) as bench:
        two_nodes(bench)
        spending.delay()
        result = looking.delay()
        bench.drain()
        assert result.get() == [100, 100, 0]


def lambda_named(name: str, body: Any) -> Any:
    body.__name__ = name
    return body


def test_who_waits_goes_on_when_the_other_dies(app: Celery, shop: Shop, connections: Any) -> None:
    task = task_of(app, shop, pay_under_lock)
    with Bench(app, connections=connections, failures="collect") as bench:
        two_nodes(bench)
        kill(bench, "after", "sql.write")
        task.delay()
        task.delay()
        bench.drain()
    assert outcomes(bench) == ["LOST", "SUCCESS"]
    assert when(bench, "sql.commit") == [(20.0, "south/1")]
    assert shop.balance() == 70


def test_who_dies_while_waiting_holds_nobody_up(app: Celery, shop: Shop, connections: Any) -> None:
    task = task_of(app, shop, pay_under_lock)
    with Bench(app, connections=connections, failures="collect") as bench:
        two_nodes(bench)
        bench.node("west", concurrency=1, prefetch_multiplier=1)
        for _ in range(3):
            task.delay()
        bench.advance(seconds=5)
        bench.kill_process("south")
        bench.drain()
    assert sorted(outcomes(bench)) == ["LOST", "SUCCESS", "SUCCESS"]
    assert when(bench, "sql.commit") == [(10.0, "north/1"), (20.0, "west/1")]
    assert shop.balance() == 40


def test_a_node_that_dies_gives_back_what_it_held(app: Celery, shop: Shop, connections: Any) -> None:
    task = task_of(app, shop, pay_under_lock)
    with Bench(app, connections=connections, failures="collect") as bench:
        two_nodes(bench)
        task.delay()
        task.delay()
        bench.advance(seconds=5)
        bench.kill("north")
        bench.drain()
    assert when(bench, "sql.commit") == [(15.0, "south/1"), (25.0, "south/1")]
    assert shop.balance() == 40


def test_circles_of_locks_end_with_the_one_who_closes_them(app: Celery, server: Shop, connections: Any) -> None:
    def move(first: int, second: int, pause: int) -> None:
        def body(session: Session) -> None:
            session.execute(update(Account).where(Account.id == first).values(balance=Account.balance - 1))
            nap(pause)
            session.execute(update(Account).where(Account.id == second).values(balance=Account.balance + 1))
            session.commit()

        server.run(body)

    task = app.task(name="shop.move", shared=False)(move)
    with Bench(app, connections=connections, failures="collect") as bench:
        two_nodes(bench)
        task.delay(1, 2, 5)
        task.delay(2, 1, 6)
        bench.drain()
    (error,) = [event.exception for event in bench.trace if isinstance(event, Finished) and event.exception]
    assert "deadlock detected" in str(error)
    assert outcomes(bench) == ["FAILURE", "SUCCESS"]
    assert when(bench, "sql.rollback") == [(6.0, "south/1")]
    assert when(bench, "sql.commit") == [(6.0, "north/1")]
    assert (server.balance(1), server.balance(2)) == (99, 101)


def test_waiting_for_a_lock_does_not_hold_up_other_coroutines(app: Celery, shop: Shop, connections: Any) -> None:
    if not shop.is_async:
        pytest.skip("there are no coroutines below a blocking driver")
    ticks: list[float] = []

    def hold() -> None:
        shop.run(pay_under_lock)

    def wait() -> None:
        from sqlalchemy.ext.asyncio import AsyncSession

        async def pay() -> None:
            async with AsyncSession(shop.engine) as session:
                await session.execute(update(Account).where(Account.id == 1).values(balance=1))
                await session.commit()

        async def tick() -> None:
            for _ in range(5):
                await asyncio.sleep(1)
                ticks.append(time.time())

        async def main() -> None:
            await asyncio.gather(pay(), tick())

        nap(1)
        asyncio.run(main())

    holding, waiting = define(app, hold), define(app, wait)
    with Bench(app, connections=connections) as bench:
        two_nodes(bench)
        start = bench.now.timestamp()
        holding.delay()
        waiting.delay()
        bench.drain()
    assert [tick - start for tick in ticks] == [2.0, 3.0, 4.0, 5.0, 6.0]
    assert when(bench, "sql.commit") == [(10.0, "north/1"), (10.0, "south/1")]
    assert shop.balance() == 1


def test_coroutines_of_one_process_wait_for_each_other(app: Celery, shop: Shop, connections: Any) -> None:
    if not shop.is_async:
        pytest.skip("there are no coroutines below a blocking driver")

    def pay_twice() -> None:
        from sqlalchemy.ext.asyncio import AsyncSession

        async def pay() -> None:
            async with AsyncSession(shop.engine) as session:
                account = await session.get_one(Account, 1, with_for_update=True)
                await asyncio.sleep(3)
                account.balance -= 30
                await session.commit()

        async def main() -> None:
            await asyncio.gather(pay(), pay())

        asyncio.run(main())

    task = define(app, pay_twice)
    with Bench(app, connections=connections) as bench:
        task.delay()
        bench.drain()
    assert [at for at, _ in when(bench, "sql.commit")] == [3.0, 6.0]
    assert {event.where.partition(":")[0] for event in touched(bench)} == {f"tests/bench/effects/{Path(__file__).name}"}
    assert shop.balance() == 40


def test_who_gives_up_waiting_does_not_come_back_to_it(app: Celery, shop: Shop, connections: Any) -> None:
    if not shop.is_async:
        pytest.skip("there are no coroutines below a blocking driver")

    def try_to_pay() -> float:
        from sqlalchemy.ext.asyncio import AsyncSession

        async def pay() -> None:
            async with AsyncSession(shop.engine) as session, asyncio.timeout(3):
                await session.execute(update(Account).where(Account.id == 1).values(balance=0))
                await session.commit()

        async def main() -> None:
            with suppress(TimeoutError):
                await pay()

        nap(1)
        asyncio.run(main())
        return time.time()

    holding, trying = define(app, lambda: shop.run(pay_under_lock)), define(app, try_to_pay)
    with Bench(app, connections=connections) as bench:
        two_nodes(bench)
        start = bench.now.timestamp()
        holding.delay()
        gave_up = trying.delay()
        holding.delay()
        bench.drain()
        assert gave_up.get() - start == 4.0
    assert shop.balance() == 40


def test_a_time_limit_ends_the_wait_for_a_lock(app: Celery, shop: Shop, connections: Any) -> None:
    task = task_of(app, shop, pay_under_lock)
    with Bench(app, connections=connections, failures="collect") as bench:
        two_nodes(bench)
        task.delay()
        task.apply_async(time_limit=5)
        bench.drain()
        assert (bench.now.timestamp() - bench.trace[0].when.timestamp()) == 10.0
        task.delay()
        bench.drain()
    assert outcomes(bench) == ["FAILURE", "SUCCESS", "SUCCESS"]
    assert shop.balance() == 40


def test_a_soft_time_limit_is_raised_where_the_task_waits(app: Celery, shop: Shop, connections: Any) -> None:
    task = task_of(app, shop, pay_under_lock)
    with Bench(app, connections=connections, failures="collect") as bench:
        two_nodes(bench)
        task.delay()
        task.apply_async(soft_time_limit=5)
        bench.drain()
        (error,) = [event.exception for event in bench.trace if isinstance(event, Finished) and event.exception]
        # psycopg cannot roll back while its statement is still being answered, as in life.
        assert type(error).__name__ == ("OperationalError" if shop.driver == "psycopg" else "SoftTimeLimitExceeded")
    assert outcomes(bench) == ["FAILURE", "SUCCESS"]
    assert shop.balance() == 70


def test_a_session_that_nobody_closes_is_rolled_back_with_its_task(app: Celery, shop: Shop, connections: Any) -> None:
    if shop.is_async:
        pytest.skip("below asyncio SQLAlchemy only complains of it")

    def forget() -> None:
        session = Session(shop.engine)
        session.execute(update(Account).values(balance=0))
        raise ValueError("out")

    forgetting, paying = define(app, forget), define(app, lambda: shop.run(pay_under_lock))
    with Bench(app, connections=connections, failures="collect") as bench:
        two_nodes(bench)
        forgetting.delay()
        paying.delay()
        bench.drain()
    assert outcomes(bench) == ["FAILURE", "SUCCESS"]
    assert shop.balance() == 70
