"""Arguments and results really go through their serializers, both ways."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from celery import Celery
from kombu import serialization
from kombu.exceptions import EncodeError

from coldframe import Bench


class Basket:
    """Something that only pickle can carry."""

    def __init__(self, *things: str) -> None:
        self.things = list(things)


@pytest.fixture
def backwards() -> Iterator[None]:
    """A serializer of the project's own, which writes everything from right to left."""

    def decode(text: str | bytes) -> Any:
        return ast.literal_eval((text.decode() if isinstance(text, bytes) else text)[::-1])

    serialization.register("backwards", lambda value: repr(value)[::-1], decode, "application/x-backwards", "utf-8")
    yield
    serialization.unregister("backwards")


def test_json_turns_tuples_into_lists_and_keys_into_text(app: Celery) -> None:
    seen: list[Any] = []

    @app.task(name="shop.take")
    def take(*args: Any, **kwargs: Any) -> Any:
        seen.append((args, kwargs))
        return {1: (2, 3)}

    with Bench(app):
        assert take.delay((1, 2), by={7: "seven"}).get() == {"1": [2, 3]}
    assert seen == [(([1, 2],), {"by": {"7": "seven"}})]


def test_json_carries_the_types_that_kombu_knows(app: Celery) -> None:
    values = [
        datetime(2026, 3, 29, 1, 30, tzinfo=UTC),
        date(2026, 3, 29),
        Decimal("10.50"),
        UUID("12345678123456781234567812345678"),
    ]

    @app.task(name="shop.echo")
    def echo(given: list[Any]) -> list[Any]:
        assert given == values
        return given

    with Bench(app):
        assert echo.delay(values).get() == values


def test_arguments_that_json_cannot_carry_are_refused_where_they_are_sent(app: Celery) -> None:
    @app.task(name="shop.take")
    def take(thing: Any) -> None: ...

    with Bench(app) as bench, pytest.raises(EncodeError, match="Object of type Basket is not JSON serializable"):
        take.delay(Basket("soap"))
    assert list(bench.trace) == []


def test_changing_an_argument_after_sending_changes_nothing(app: Celery) -> None:
    @app.task(name="shop.count")
    def count(things: list[str]) -> int:
        return len(things)

    with Bench(app):
        things = ["soap"]
        result = count.delay(things)
        things.append("towel")
        assert result.get() == 1


def test_pickle_carries_objects_both_ways_as_copies(app: Celery) -> None:
    app.conf.update(task_serializer="pickle", result_serializer="pickle", accept_content=["pickle"])
    basket = Basket("soap")

    @app.task(name="shop.pack")
    def pack(given: Basket) -> Basket:
        assert given is not basket
        given.things.append("towel")
        return given

    with Bench(app) as bench:
        result = pack.delay(basket).get()
        assert result.things == ["soap", "towel"]
        assert bench.runs("pack")[0].args[0].things == ["soap", "towel"]
    assert basket.things == ["soap"]


def test_a_content_type_that_is_not_accepted_is_refused_and_never_runs(app: Celery) -> None:
    app.conf.accept_content = ["json"]

    @app.task(name="shop.take")
    def take(thing: Any) -> None: ...

    with Bench(app) as bench:
        take.apply_async(("soap",), serializer="pickle")
        bench.settle()
        (run,) = bench.runs()
        assert (run.state, run.attempt, run.task) == ("INVALID", 0, "shop.take")


def test_a_result_that_cannot_be_encoded_fails_the_task(app: Celery) -> None:
    @app.task(name="shop.make")
    def make() -> Any:
        return Basket("soap")

    with Bench(app):
        result = make.delay()
        with pytest.raises(Exception, match="Object of type Basket is not JSON serializable") as caught:
            result.get()
        assert type(caught.value).__name__ == "EncodeError"
        assert result.state == "FAILURE"


@pytest.mark.usefixtures("backwards")
def test_a_serializer_of_the_project_is_used_both_ways(app: Celery) -> None:
    app.conf.update(task_serializer="backwards", result_serializer="backwards", accept_content=["backwards"])

    @app.task(name="shop.greet")
    def greet(*names: str) -> tuple[str, ...]:
        return names

    with Bench(app) as bench:
        result = greet.delay("ann", "bob")
        (published,) = bench.trace
        assert (published.content_type, published.body[:8]) == ("application/x-backwards", b")}enoN :")
        assert bench.queued("greet")[0].args == ("ann", "bob")
        assert result.get() == ("ann", "bob")


@pytest.mark.parametrize("compression", ["gzip", "bzip2"])
def test_compressed_messages_arrive(app: Celery, compression: str) -> None:
    app.conf.update(task_compression=compression, result_compression=compression)

    @app.task(name="shop.size")
    def size(text: str) -> int:
        return len(text)

    with Bench(app) as bench:
        result = size.delay("x" * 10_000)
        (published,) = bench.trace
        assert len(published.body) < 500
        assert bench.queued("size")[0].args == ("x" * 10_000,)
        assert result.get() == 10_000


def test_an_exception_comes_back_as_its_own_class(app: Celery) -> None:
    @app.task(name="shop.fail")
    def fail() -> None:
        raise KeyError("soap", 3)

    with Bench(app), pytest.raises(KeyError, match="'soap', 3") as caught:
        fail.delay().get()
    assert caught.value.args == ("soap", 3)


def test_a_timedelta_is_carried_as_kombu_carries_it(app: Celery) -> None:
    @app.task(name="shop.echo")
    def echo(span: Any) -> Any:
        return span

    with Bench(app), pytest.raises(EncodeError, match="timedelta is not JSON serializable"):
        echo.delay(timedelta(minutes=1))
