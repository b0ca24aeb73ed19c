"""What tasks write with SQLAlchemy: recorded, broken with the errors of each driver, rolled back when they die."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from celery import Celery
from sqlalchemy import select, text, update
from sqlalchemy.orm import Session

from coldframe import Bench

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1]))

from process_state import nothing_left
from sqlalchemy_shop import POSTGRES, SQLITE, Account, Shop, drivers, nap, open_shop
from watching import answer, define, error_of, kill, outcomes, told, touched


@pytest.fixture(params=drivers(*SQLITE, *POSTGRES))
def shop(request: pytest.FixtureRequest) -> Iterator[Shop]:
    """A shop for each driver."""
    yield from open_shop(request.param, request)


@pytest.fixture(params=["own", "shared"])
def connections(request: pytest.FixtureRequest) -> str:
    """Whether each process has connections of its own."""
    return str(request.param)


def pay(session: Session) -> None:
    account = session.get_one(Account, 1)
    account.balance -= 30
    session.commit()


def task_of(app: Celery, shop: Shop, body: Any) -> Any:
    def run() -> Any:
        return shop.run(body)

    return define(app, run)


def test_a_write_and_its_commit_are_effects(app: Celery, shop: Shop, connections: Any) -> None:
    task = task_of(app, shop, pay)
    with Bench(app, connections=connections) as bench:
        task.delay()
        bench.drain()
    write, commit = touched(bench)
    name = "shop.sqlite3" if shop.is_sqlite else "postgresql"
    assert (write.effect, write.what, write.outcome) == ("sql.write", "UPDATE account", "done")
    assert (commit.effect, commit.what, commit.outcome) == ("sql.commit", name, "done")
    assert (write.transaction, commit.transaction) == (1, 1)
    here = f"tests/bench/effects/{Path(__file__).name}:"
    assert write.where.startswith(here)
    assert commit.where == write.where
    assert write.details["rows"] == 1
    assert write.details["sql"].startswith("UPDATE account SET balance=")
    given = write.details["parameters"]
    assert list(given.values() if isinstance(given, dict) else given) == [70, 1]
    assert shop.balance() == 70


def test_a_transaction_that_fails_is_rolled_back(app: Celery, shop: Shop, connections: Any) -> None:
    def pay_too_much(session: Session) -> None:
        session.execute(update(Account).values(balance=-1))
        raise ValueError("not that much")

    task = task_of(app, shop, pay_too_much)
    with Bench(app, connections=connections, failures="collect") as bench:
        task.delay()
        bench.drain()
    name = "shop.sqlite3" if shop.is_sqlite else "postgresql"
    assert told(bench) == ["sql.write UPDATE account", f"sql.rollback {name}"]
    assert [event.transaction for event in touched(bench)] == [1, 1]
    assert shop.balance() == 100


def test_reading_is_no_effect(app: Celery, shop: Shop) -> None:
    def read(session: Session) -> int:
        balance = session.scalars(select(Account.balance)).all()
        session.commit()
        return sum(balance)

    task = task_of(app, shop, read)
    with Bench(app) as bench:
        result = task.delay()
        bench.drain()
        assert result.get() == 200
    assert told(bench) == []


def test_without_transactions_a_write_belongs_to_none(app: Celery, shop: Shop, connections: Any) -> None:
    engine = shop.make_engine(isolation_level="AUTOCOMMIT")

    def run() -> None:
        shop.run(pay, engine)

    task = define(app, run)
    with Bench(app, connections=connections) as bench:
        task.delay()
        bench.drain()
    assert told(bench) == ["sql.write UPDATE account"]
    assert touched(bench)[0].transaction is None
    assert shop.balance() == 70
    if not shop.is_async:
        engine.dispose()


def test_a_savepoint_belongs_to_its_transaction(app: Celery, shop: Shop, connections: Any) -> None:
    def try_twice(session: Session) -> None:
        with pytest.raises(ValueError, match="no"), session.begin_nested():
            session.execute(update(Account).values(balance=1))
            raise ValueError("no")
        session.execute(update(Account).where(Account.id == 2).values(balance=2))
        session.commit()

    task = task_of(app, shop, try_twice)
    with Bench(app, connections=connections) as bench:
        task.delay()
        bench.drain()
    assert [(event.effect, event.transaction) for event in touched(bench)] == [
        ("sql.write", 1),
        ("sql.write", 1),
        ("sql.commit", 1),
    ]
    assert (shop.balance(1), shop.balance(2)) == (100, 2)


def test_many_rows_at_once_are_one_effect(app: Celery, shop: Shop) -> None:
    def add(session: Session) -> None:
        rows = [{"id": 3, "balance": 1}, {"id": 4, "balance": 2}]
        session.execute(text("INSERT INTO account VALUES (:id, :balance)"), rows)
        session.add_all([Account(id=5, balance=3), Account(id=6, balance=4)])
        session.commit()

    task = task_of(app, shop, add)
    with Bench(app) as bench:
        task.delay()
        bench.drain()
    many, flushed, _commit = touched(bench)
    assert (many.what, flushed.what) == ("INSERT account", "INSERT account")
    given = [row if isinstance(row, list) else list(row.values()) for row in many.details["parameters"]]
    assert given == [[3, 1], [4, 2]]
    assert shop.balance(6) == 4


# --- what can go wrong ------------------------------------------------------------------------------------------

FAILURES = {
    ("pysqlite", "sql.write"): {"locked": "OperationalError", "disk full": "OperationalError"},
    ("psycopg", "sql.write"): {
        "deadlock": "DeadlockDetected",
        "serialization failure": "SerializationFailure",
        "connection lost": "OperationalError",
    },
    ("asyncpg", "sql.write"): {
        "deadlock": "DeadlockDetectedError",
        "serialization failure": "SerializationError",
        "connection lost": "ConnectionDoesNotExistError",
    },
    ("pysqlite", "sql.commit"): {"locked": "OperationalError", "disk full": "OperationalError"},
    ("psycopg", "sql.commit"): {"serialization failure": "SerializationFailure", "connection lost": "OperationalError"},
    ("asyncpg", "sql.commit"): {
        "serialization failure": "SerializationError",
        "connection lost": "ConnectionDoesNotExistError",
    },
}


@pytest.mark.parametrize("effect", ["sql.write", "sql.commit"])
def test_each_failure_raises_the_error_of_the_driver(app: Celery, shop: Shop, effect: str) -> None:
    driver = {"aiosqlite": "pysqlite", "psycopg async": "psycopg"}.get(shop.driver, shop.driver)
    expected = FAILURES[driver, effect]
    task = task_of(app, shop, pay)
    for failure, name in expected.items():
        with Bench(app, connections="own", failures="collect") as bench:
            answer(bench, effect, failure)
            task.delay()
            bench.drain()
        error = error_of(bench)
        assert type(error).__module__ == "sqlalchemy.exc"
        cause = getattr(error, "orig", None)
        kinds = [kind.__name__ for kind in (type(cause), type(getattr(cause, "__cause__", None)))]
        assert name in kinds, failure
        assert getattr(error, "connection_invalidated", None) is (failure == "connection lost")
        event = touched(bench, effect)[0]
        assert (event.outcome, event.failures) == ("failed", tuple(expected))
        assert shop.balance() == 100


def test_a_lost_connection_is_replaced(app: Celery, shop: Shop, connections: Any) -> None:
    def run() -> int:
        from sqlalchemy.exc import DBAPIError

        try:
            shop.run(pay)
        except DBAPIError:
            shop.run(pay)
        return shop.run(lambda session: session.get_one(Account, 1).balance)

    if shop.is_sqlite:
        pytest.skip("SQLite has no connection to lose")
    task = define(app, run)
    with Bench(app, connections=connections) as bench:
        losses = [1]

        def lose(touch: Any) -> None:
            if touch.effect == "sql.commit" and losses:
                losses.pop()
                touch.answer = touch.failures["connection lost"]()

        bench._now_open.gate.before.append(lose)
        result = task.delay()
        bench.drain()
        assert result.get() == 70
    assert [(event.effect, event.transaction, event.outcome) for event in touched(bench)] == [
        ("sql.write", 1, "done"),
        ("sql.commit", 1, "failed"),
        ("sql.write", 2, "done"),
        ("sql.commit", 2, "done"),
    ]


def test_a_commit_with_unknown_outcome_took_place(app: Celery, shop: Shop) -> None:
    task = task_of(app, shop, pay)
    with Bench(app, connections="own", failures="collect") as bench:

        def doubt(touch: Any) -> None:
            if touch.effect == "sql.commit":
                touch.error = touch.failures[touch.failures and list(touch.failures)[-1]]()

        bench._now_open.gate.before.append(doubt)
        task.delay()
        bench.drain()
    assert touched(bench, "sql.commit")[0].outcome == "unknown"
    assert outcomes(bench) == ["FAILURE"]
    assert shop.balance() == 70


@pytest.mark.parametrize(
    ("place", "effect", "balance"),
    [
        ("before", "sql.write", 100),
        ("after", "sql.write", 100),
        ("before", "sql.commit", 100),
        ("after", "sql.commit", 70),
    ],
)
def test_a_process_that_dies_leaves_what_it_committed(
    app: Celery, shop: Shop, connections: Any, place: str, effect: str, balance: int
) -> None:
    task = task_of(app, shop, pay)
    with Bench(app, connections=connections, failures="collect") as bench:
        kill(bench, place, effect)
        task.delay()
        bench.drain()
        assert outcomes(bench) == ["LOST"]
        assert shop.balance() == balance
        task.delay()
        bench.drain()
    assert outcomes(bench) == ["LOST", "SUCCESS"]
    assert shop.balance() == balance - 30


def test_nothing_of_a_dead_process_runs(app: Celery, shop: Shop, connections: Any) -> None:
    ran = []

    def guarded(session: Session) -> None:
        try:
            pay(session)
        except BaseException:
            ran.append("except")
            raise
        finally:
            ran.append("finally")

    task = task_of(app, shop, guarded)
    with Bench(app, connections=connections, failures="collect") as bench:
        kill(bench, "after", "sql.write")
        task.delay()
        bench.drain()
    assert ran == []


# --- around tasks -----------------------------------------------------------------------------------------------


def test_outside_of_tasks_nothing_is_recorded(app: Celery, shop: Shop) -> None:
    with Bench(app, connections="own") as bench:
        shop.run(pay)
        bench.drain()
    assert told(bench) == []
    assert shop.balance() == 70


def test_two_runs_have_the_same_trace(app: Celery, shop: Shop) -> None:
    def pay_slowly(session: Session) -> None:
        account = session.get_one(Account, 1)
        nap(1)
        account.balance -= 30
        session.commit()

    task = task_of(app, shop, pay_slowly)
    texts = []
    for _ in range(2):
        shop.rebuild()
        with Bench(app, connections="own") as bench:
            bench.node("a", concurrency=2)
            for _ in range(3):
                task.delay()
            bench.drain()
        texts.append("\n".join(str(event) for event in bench.trace))
    assert texts[0] == texts[1]


def test_nothing_is_left_when_the_bench_closes(app: Celery, shop: Shop, connections: Any) -> None:
    from sqlalchemy import Engine, event, pool
    from sqlalchemy.engine.default import DefaultDialect

    def state() -> Any:
        return [dict(vars(DefaultDialect)), dict(vars(Engine)), list(pool.Pool.dispatch.checkout._clslevel[pool.Pool])]

    assert event is not None
    task = task_of(app, shop, pay)
    with Bench(app, connections=connections) as bench:
        bench.settle()
    before = state()
    with nothing_left(), Bench(app, connections=connections, failures="collect") as bench:
        assert state() != before
        kill(bench, "after", "sql.write")
        task.delay()
        task.delay()
        bench.drain()
    assert state() == before
    shop.run(pay)
    assert shop.balance() == 40
