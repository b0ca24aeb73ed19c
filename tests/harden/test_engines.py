"""Scenarios whose tasks use SQLAlchemy: their databases are put back between runs, and compared."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Any

import pytest
from celery import Celery
from sqlalchemy import create_engine, text

from coldframe import SetupError, harden
from coldframe.errors import ScenarioError


@pytest.fixture
def engine(tmp_path: Path) -> Any:
    engine = create_engine(f"sqlite:///{tmp_path / 'ledger.sqlite3'}")
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE books (id INTEGER PRIMARY KEY, balance INTEGER)"))
        connection.execute(text("INSERT INTO books (balance) VALUES (100)"))
    yield engine
    engine.dispose()


def balance(engine: Any) -> int:
    with engine.begin() as connection:
        return int(connection.execute(text("SELECT balance FROM books")).scalar_one())


def test_each_run_begins_with_the_same_rows_and_the_engine_has_its_own_at_the_end(app: Celery, engine: Any) -> None:
    @app.task(name="shop.book")
    def book() -> None:
        with engine.begin() as connection:
            connection.execute(text("UPDATE books SET balance = balance + 10"))

    seen = []
    result = harden(
        lambda bench: (seen.append(balance(engine)), book.delay()),
        app=app,
        databases=[engine],
        faults="kills",
        name="it",
    )
    assert set(seen) == {100}
    assert len(seen) == len(result.reports) + 3
    assert balance(engine) == 100
    (cause, *_) = result.causes
    assert (cause.verdict, cause.simplest.facts) == (
        "diverged",
        ("1 row of books differs: balance 120 instead of 110",),
    )


def test_what_a_task_draws_by_lot_may_differ_and_what_it_adds_may_not(app: Celery, engine: Any) -> None:
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE vouchers (number INTEGER PRIMARY KEY, book INTEGER UNIQUE, code TEXT)"))

    @app.task(name="shop.issue")
    def issue() -> None:
        code = {"book": 1, "code": secrets.token_hex(5)}
        with engine.begin() as connection:
            connection.execute(text("INSERT OR REPLACE INTO vouchers (book, code) VALUES (:book, :code)"), code)

    @app.task(name="shop.issue_more")
    def issue_more() -> None:
        with engine.begin() as connection:
            connection.execute(text("INSERT INTO vouchers (code) VALUES (:code)"), {"code": secrets.token_hex(5)})

    options: dict[str, Any] = {"app": app, "databases": [engine], "faults": "kills,twice", "name": "it"}
    assert harden(lambda bench: issue.delay(), **options).held
    (cause, *_) = harden(lambda bench: issue_more.delay(), **options).causes
    assert (cause.verdict, cause.simplest.facts) == ("duplicated", ("1 row too many in vouchers: book None",))


def test_a_database_that_was_forgotten_is_told_unless_the_scenario_puts_it_back(app: Celery, engine: Any) -> None:
    @app.task(name="shop.book")
    def book() -> None:
        with engine.begin() as connection:
            connection.execute(text("UPDATE books SET balance = balance + 10"))

    def put_back() -> None:
        with engine.begin() as connection:
            connection.execute(text("UPDATE books SET balance = 100"))

    text_of_error = (
        r"it writes to SQLAlchemy's database 'ledger.sqlite3', which is not put back between runs\n"
        r"  hint: name its engine: harden\(\.\.\., databases=\[engine\]\)"
    )
    with pytest.raises(ScenarioError, match=text_of_error):
        harden(lambda bench: book.delay(), app=app, name="it")
    assert harden(lambda bench: book.delay(), app=app, name="it", faults="kills", reset=put_back).complete


def test_what_the_set_up_writes_is_there_in_each_run_and_gone_afterwards(
    app: Celery, engine: Any, tmp_path: Path
) -> None:
    inbox = tmp_path / "inbox"
    inbox.mkdir()

    @app.task(name="shop.book")
    def book() -> None:
        with engine.begin() as connection:
            connection.execute(text("UPDATE books SET balance = balance + :more"), {"more": len(list(inbox.iterdir()))})

    def two_more() -> None:
        with engine.begin() as connection:
            connection.execute(text("INSERT INTO books (id, balance) VALUES (7, 300)"))
        inbox.joinpath("letter").write_text("hello", "utf-8")

    def balances() -> list[int]:
        with engine.begin() as connection:
            return list(connection.execute(text("SELECT balance FROM books ORDER BY id")).scalars())

    seen = []
    for _ in range(2):
        harden(
            lambda bench: (seen.append(balances()), book.delay()),
            lambda bench: balances() >= [101, 301],
            app=app,
            setup=two_more,
            databases=[engine],
            files=[inbox],
            faults="kills",
            name="it",
        ).check()
    assert {tuple(found) for found in seen} == {(100, 300)}
    assert balances() == [100]
    assert list(inbox.iterdir()) == []


def test_a_database_in_memory_cannot_be_put_back(app: Celery, tell: Any) -> None:
    with pytest.raises(SetupError, match=r"(?s)cannot be put back between runs.*let the engine use one"):
        harden(lambda bench: tell.delay("ada"), app=app, databases=[create_engine("sqlite://")], name="it")
