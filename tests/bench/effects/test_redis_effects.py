"""redis-py in tasks: a server in memory, and an effect for each write."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import pytest
import redis
import redis.asyncio
from celery import Celery
from redis import exceptions

from coldframe import Bench
from coldframe.trace import Refused

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1]))

from process_state import nothing_left
from watching import answer, define, error_of, gate_of, kill, outcomes, run, told, touched

URL = "redis://cache.internal:6379/0"


def connect(**options: Any) -> redis.Redis:
    return redis.Redis.from_url(URL, decode_responses=True, **options)


def test_a_write_is_an_effect_with_its_command(app: Celery) -> None:
    def body() -> None:
        client = connect()
        assert client.set("order:1", "ä", ex=60) is True
        assert client.get("order:1") == "ä"

    bench = run(app, body)
    assert error_of(bench) is None
    (event,) = touched(bench)
    assert (event.effect, event.what, event.outcome) == ("redis.write", "SET order:1", "done")
    assert event.details == {"commands": [["SET", "order:1", "ä", "EX", "60"]]}
    assert event.failures == ("connection lost", "timeout", "read only")
    assert event.where.startswith("tests/bench/effects/test_redis_effects.py:")
    assert [event for event in bench.trace if isinstance(event, Refused)] == []


def test_a_coroutine_has_the_same_server(app: Celery) -> None:
    async def talk() -> list[Any]:
        async with redis.asyncio.Redis.from_url(URL, decode_responses=True) as client:
            await client.hset("h", mapping={"a": 1})
            async with client.pipeline() as pipeline:
                pipeline.hincrby("h", "a", 4).hgetall("h")
                replies = await pipeline.execute()
            async with client.lock("lock", timeout=5):
                replies.append(await client.exists("lock"))
            return [*replies, await client.exists("lock")]

    def body() -> None:
        assert asyncio.run(talk()) == [5, {"a": "5"}, 1, 0]
        assert connect().hgetall("h") == {"a": "5"}

    bench = run(app, body)
    assert error_of(bench) is None
    assert told(bench) == [
        "redis.write HSET h",
        "redis.write HINCRBY h, HGETALL h",
        "redis.write SET lock",
        "redis.write EVALSHA lock",
    ]


def test_a_pipeline_is_one_effect(app: Celery) -> None:
    def body() -> None:
        with connect().pipeline() as pipeline:
            for number in range(7):
                pipeline.rpush("queue", number)
            assert pipeline.execute() == [1, 2, 3, 4, 5, 6, 7]
        with connect().pipeline(transaction=False) as pipeline:
            assert pipeline.llen("queue").lrange("queue", 0, 1).execute() == [7, ["0", "1"]]
            assert pipeline.execute() == []

    bench = run(app, body)
    assert error_of(bench) is None
    assert told(bench) == [f"redis.write {', '.join(['RPUSH queue'] * 5)}, and 2 more"]


def test_a_transaction_sees_what_came_in_between(app: Celery) -> None:
    def body() -> None:
        client, other = connect(), connect()
        client.set("stock", 5)
        with client.pipeline() as pipeline:
            pipeline.watch("stock")
            left = int(pipeline.get("stock"))
            other.decr("stock")
            pipeline.multi()
            pipeline.set("stock", left - 1)
            with pytest.raises(exceptions.WatchError, match="Watched variable changed"):
                pipeline.execute()
        assert client.transaction(lambda pipe: (pipe.multi(), pipe.incr("stock")), "stock") == [5]

    bench = run(app, body)
    assert error_of(bench) is None
    assert told(bench)[-2:] == ["redis.write SET stock (failed)", "redis.write INCRBY stock"]


@pytest.mark.parametrize("way", ["command", "pipeline", "coroutine", "awaited pipeline"])
def test_an_answer_is_given_instead_of_the_servers(app: Celery, way: str) -> None:
    async def write(*, piped: bool) -> Any:
        async with redis.asyncio.Redis.from_url(URL) as client:
            return await (client.pipeline().set("a", 1).execute() if piped else client.set("a", 1))

    def body() -> None:
        if way == "command":
            assert connect().set("a", 1) == "given"
        elif way == "pipeline":
            assert connect().pipeline().set("a", 1).execute() == "given"
        else:
            assert asyncio.run(write(piped=way != "coroutine")) == "given"
        assert connect().get("a") is None

    def give(touch: Any) -> None:
        if touch.effect == "redis.write":
            touch.answer = "given"

    assert error_of(run(app, body, lambda bench: gate_of(bench).before.append(give))) is None


FAILURES = [
    ("connection lost", exceptions.ConnectionError),
    ("timeout", exceptions.TimeoutError),
    ("read only", exceptions.ReadOnlyError),
]


@pytest.mark.parametrize("way", ["command", "pipeline", "coroutine", "awaited pipeline"])
@pytest.mark.parametrize(("failure", "kind"), FAILURES)
def test_a_write_fails_as_in_life(app: Celery, way: str, failure: str, kind: type[Exception]) -> None:
    async def write(*, piped: bool) -> None:
        async with redis.asyncio.Redis.from_url(URL) as client:
            await (client.pipeline().set("a", 1).execute() if piped else client.set("a", 1))

    def body() -> None:
        if way == "command":
            connect().set("a", 1)
        elif way == "pipeline":
            connect().pipeline().set("a", 1).execute()
        else:
            asyncio.run(write(piped=way != "coroutine"))

    task = define(app, body)
    with Bench(app, failures="collect") as bench:
        answer(bench, "redis.write", failure)
        task.delay()
        bench.drain()
        assert connect().get("a") is None
    assert type(error_of(bench)) is kind
    assert told(bench) == ["redis.write SET a (failed)"]


@pytest.mark.parametrize(("place", "value"), [("before", None), ("after", "1")])
def test_a_process_that_dies_there_has_written_or_not(app: Celery, place: str, value: str | None) -> None:
    task = define(app, lambda: connect().set("a", 1))
    with Bench(app, failures="collect") as bench:
        kill(bench, place, "redis.write")
        task.delay()
        bench.drain()
        assert outcomes(bench) == ["LOST"]
        assert connect().get("a") == value


def test_reads_are_told(app: Celery) -> None:
    seen: list[str] = []

    def body() -> None:
        client = connect()
        client.get("a")
        client.pipeline().get("b").mget("c", "d").execute()
        client.ping()

    run(app, body, lambda bench: gate_of(bench).before.append(lambda touch: seen.append(str(touch))))
    assert [line for line in seen if "redis" in line] == [f"read redis {key}" for key in "abcd"]


def test_the_test_itself_leaves_no_effects(app: Celery) -> None:
    with Bench(app) as bench:
        connect().set("a", 1)
        assert asyncio.run(redis.asyncio.Redis.from_url(URL).get("a")) == b"1"
    assert touched(bench) == []


@pytest.mark.redis
def test_an_allowed_server_is_the_real_one_and_its_effects_are_recorded(app: Celery, redis_url: str) -> None:
    real = redis.Redis.from_url(redis_url, decode_responses=True)
    real.set("a", 1)

    async def read() -> None:
        async with redis.asyncio.Redis.from_url(redis_url, decode_responses=True) as client:
            assert await client.get("a") == "2"
            assert await client.xlen("s") == 1

    def body() -> None:
        client = redis.Redis.from_url(redis_url)
        client.incr("a")
        client.xadd("s", {"a": 1})
        asyncio.run(read())

    task = define(app, body)
    with Bench(app, allow="127.0.0.1:6379") as bench:
        task.delay()
        bench.drain()
        assert error_of(bench) is None
    assert real.get("a") == "2"
    assert told(bench) == ["redis.write INCRBY a", "redis.write XADD s"]


def test_everything_is_put_back(app: Celery) -> None:
    def state() -> list[Any]:
        kinds = (redis.Redis, redis.client.Pipeline, redis.connection.Connection, redis.connection.AbstractConnection)
        more = (redis.asyncio.Redis, redis.asyncio.client.Pipeline, redis.asyncio.connection.Connection)
        names = ("execute_command", "execute", "immediate_execute_command", "connect", "_connect")
        return [vars(kind).get(name) for kind in (*kinds, *more) for name in names]

    before = state()
    with nothing_left(), Bench(app):
        assert state() != before
    assert state() == before
