"""The Redis that redis-py finds on a bench."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import redis
import redis.asyncio
from celery import Celery
from redis import exceptions

from coldframe import Bench
from coldframe.errors import NotSimulated
from coldframe.trace import Refused

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1]))

from watching import define, error_of, kill, outcomes, run, told

URL = "redis://cache.internal:6379/0"


def connect(**options: Any) -> redis.Redis:
    return redis.Redis.from_url(URL, decode_responses=True, **options)


def test_keys_end_in_virtual_time(app: Celery) -> None:
    with Bench(app) as bench:
        client = connect()
        client.set("a", 1, ex=3600)
        bench.advance(minutes=59)
        assert (client.get("a"), client.ttl("a")) == ("1", 60)
        bench.advance(minutes=1)
        assert client.get("a") is None


def test_who_waits_for_a_list_gets_what_another_task_puts_there(app: Celery) -> None:
    def take() -> Any:
        return connect(socket_timeout=None).blpop("jobs", timeout=600)

    async def take_async() -> Any:
        async with redis.asyncio.Redis.from_url(URL, decode_responses=True, socket_timeout=None) as client:
            return await client.blpop(["jobs"], timeout=600)

    taking = define(app, take)

    def awaiting_it() -> Any:
        return asyncio.run(take_async())

    awaiting = define(app, awaiting_it)
    with Bench(app) as bench:
        first, second, third = taking.delay(), awaiting.delay(), taking.delay()
        bench.advance(minutes=5)
        connect().rpush("jobs", "a", "b")
        assert [first.get(), second.get()] == [["jobs", "a"], ["jobs", "b"]]
        assert third.get() is None
        assert (bench.now.hour, bench.now.minute) == (9, 10)


def test_a_dead_process_waits_for_nothing(app: Celery) -> None:
    def take() -> Any:
        return connect(socket_timeout=None).brpop("jobs", timeout=600)

    task = define(app, take)
    with Bench(app, failures="collect") as bench:
        task.delay()
        bench.advance(seconds=5)
        bench.kill_process("celery")
        connect().rpush("jobs", "a")
        bench.drain()
        assert connect().lrange("jobs", 0, -1) == ["a"]


def test_a_lock_is_held_by_one_task_at_a_time(app: Celery) -> None:
    import time

    def work() -> str:
        with connect().lock("nightly", timeout=60, blocking_timeout=120):
            began = time.time()
            time.sleep(10)  # noqa: TID251 - in a task, so virtual
        return time.strftime("%H:%M:%S", time.gmtime(began))

    task = define(app, work)
    with Bench(app):
        results = [task.delay() for _ in range(3)]
        assert sorted(result.get() for result in results) == ["09:00:00", "09:00:10", "09:00:20"]


def test_the_lock_of_a_dead_process_ends_by_itself(app: Celery) -> None:
    def work() -> None:
        lock = connect().lock("nightly", timeout=60)
        assert lock.acquire(blocking_timeout=90)
        lock.extend(5)
        lock.reacquire()
        lock.release()

    task = define(app, work)
    with Bench(app, failures="collect") as bench:
        kill(bench, "after", "redis.write")
        task.delay()
        bench.settle()
        began = bench.now
        task.delay()
        bench.drain()
        assert outcomes(bench) == ["LOST", "SUCCESS"]
        assert (bench.now - began).total_seconds() == 60


def test_messages_reach_those_who_listen(app: Celery) -> None:
    heard: list[Any] = []

    def listen() -> None:
        with connect().pubsub(ignore_subscribe_messages=True) as pubsub:
            pubsub.subscribe("news")
            pubsub.psubscribe("n*")
            heard.extend(pubsub.get_message(timeout=60) for _ in range(4))

    async def listen_async() -> None:
        async with redis.asyncio.Redis.from_url(URL, decode_responses=True).pubsub() as pubsub:
            await pubsub.subscribe("news")
            heard.append([await pubsub.get_message(timeout=30) for _ in range(2)][1])

    task = define(app, listen)

    def awaiting_it() -> None:
        asyncio.run(listen_async())

    awaiting = define(app, awaiting_it)
    with Bench(app) as bench:
        task.delay()
        awaiting.delay()
        bench.advance(seconds=1)
        assert connect().publish("news", "hello") == 3
        bench.drain()
    messages = [message and (message["type"], message["data"]) for message in heard]
    assert sorted(filter(None, messages)) == [("message", "hello")] * 2 + [("pmessage", "hello")]


def test_a_client_is_told_what_it_asks_of_the_server(app: Celery) -> None:
    with Bench(app) as bench:
        for protocol in (2, 3):
            client = connect(protocol=protocol)
            assert client.info()["redis_version"] == "7.4.0"
            assert client.time() == (int(bench.now.timestamp()), 0)
            assert client.client_id() == 1
            with client.pubsub() as pubsub:
                pubsub.subscribe("news", "weather")
                pubsub.psubscribe("n*")
                assert client.pubsub_channels() == ["news", "weather"]
                assert client.pubsub_channels("n*") == ["news"]
                assert client.pubsub_numsub("news", "other") == [("news", 1), ("other", 0)]
                assert client.pubsub_numpat() == 1
                pubsub.unsubscribe("news")
                pubsub.punsubscribe()
                pubsub.unsubscribe()
                kinds = [message["type"] for message in iter(lambda: pubsub.get_message(timeout=1), None)]
            assert kinds == [
                *["subscribe", "subscribe", "psubscribe"],
                *["unsubscribe", "punsubscribe", "unsubscribe"],
            ]
        with pytest.raises(NotSimulated, match="does not know the command PUBSUB SHARDCHANNELS"):
            client.pubsub_shardchannels()
        with pytest.raises(NotSimulated, match="does not know the command SCRIPT KILL"):
            client.script_kill()
        with pytest.raises(NotSimulated, match="does not know the command ZUNIONSTORE with AGGREGATE"):
            client.zunionstore("x", ["a", "b"], aggregate="MIN")
        with pytest.raises(NotSimulated, match="does not know the command XLEN"):
            client.eval("return redis.call('XLEN', KEYS[1])", 1, "s")
        assert client.quit() is True


def test_another_thread_is_left_alone(app: Celery) -> None:
    seen: list[BaseException] = []

    def elsewhere() -> None:
        try:
            redis.Redis(port=1, retry=None).ping()
        except exceptions.ConnectionError as error:
            seen.append(error)

    with Bench(app) as bench:
        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join()
    assert len(seen) == 1
    assert [event for event in bench.trace if isinstance(event, Refused)] == []


def test_a_task_sees_the_keys_of_the_result_store(app: Celery) -> None:
    def look() -> list[str]:
        return redis.Redis(host="results.internal", db=3, decode_responses=True).keys("celery-task-meta-*")

    task = define(app, look)
    with Bench(app):
        first = task.delay()
        assert first.get() == []
        assert task.delay().get() == [f"celery-task-meta-{first.id}"]


def test_scripts_of_the_project_run_if_lua_is_there(app: Celery) -> None:
    limiter = """
        local used = redis.call('INCR', KEYS[1])
        if used == 1 then redis.call('EXPIRE', KEYS[1], ARGV[1]) end
        return {used, redis.call('TTL', KEYS[1])}
    """

    def body() -> None:
        script = connect().register_script(limiter)
        assert script(keys=["limit"], args=[60]) == [1, 60]
        assert script(keys=["limit"], args=[60]) == [2, 60]

    bench = run(app, body)
    assert error_of(bench) is None
    assert told(bench) == [
        "redis.write EVALSHA limit (failed)",  # the server does not know it yet, and redis-py sends it
        "redis.write EVALSHA limit",
        "redis.write EVALSHA limit",
    ]


def test_scripts_are_refused_with_a_word_if_lua_is_not_there(app: Celery, monkeypatch: pytest.MonkeyPatch) -> None:
    from coldframe._effects.redis_server import lua

    monkeypatch.setattr(lua, "is_there", lambda: False)
    error = error_of(run(app, lambda: connect().eval("\n  return 1 -- mine", 0)))
    assert isinstance(error, NotSimulated)
    assert str(error) == (
        "a Lua script was sent to the Redis on the bench, which stands for cache.internal:6379: 'return 1 -- mine'\n"
        "  hint: install coldframe[lua], with which it runs scripts; "
        "or let the real server answer: Bench(app, allow=['cache.internal:6379'])"
    )


async def add_to_a_stream() -> None:
    async with redis.asyncio.Redis.from_url(URL) as client:
        await client.xadd("s", {"a": 1})


@pytest.mark.parametrize("body", [lambda: connect().xadd("s", {"a": 1}), lambda: asyncio.run(add_to_a_stream())])
def test_an_unknown_command_is_refused_with_the_way_out(app: Celery, body: Callable[[], Any]) -> None:
    error = error_of(run(app, body))
    assert isinstance(error, NotImplementedError)
    assert str(error) == (
        "the Redis on the bench, which stands for cache.internal:6379, does not know the command XADD\n"
        "  hint: let the real server answer: Bench(app, allow=['cache.internal:6379']); "
        "its effects are recorded all the same, but its keys end in real time"
    )


def test_what_a_server_forgets_it_forgets_in_all_its_databases(app: Celery) -> None:
    with Bench(app):
        first, second = connect(), redis.Redis(host="cache.internal", db=1)
        sha = first.script_load("return 7")
        first.set("a", 1)
        second.set("a", 2)
        assert second.evalsha(sha, 0) == 7
        assert second.flushall() is True
        assert second.script_flush() is True
        assert [first.dbsize(), second.dbsize(), first.script_exists(sha)] == [0, 0, [False]]


def test_servers_at_other_addresses_hold_other_keys(app: Celery) -> None:
    with Bench(app):
        connect().set("a", 1)
        assert redis.Redis(host="cache.internal", db=1).get("a") is None
        assert redis.Redis(host="other.internal").get("a") is None
        assert redis.Redis(unix_socket_path="/run/redis.sock").get("a") is None
        assert redis.Redis(host="cache.internal", ssl=True, username="u", password="p").get("a") == b"1"
        assert redis.Redis(host="cache.internal", protocol=2, password="p").get("a") == b"1"


def test_a_client_that_outlives_its_bench_finds_the_next_one_empty(app: Celery) -> None:
    client = connect()
    for _ in range(2):
        with Bench(app):
            assert client.incr("a") == 1
    with pytest.raises(exceptions.ConnectionError, match=r"cache\.internal"):
        redis.Redis(host="cache.internal", retry=None, socket_connect_timeout=0.1).ping()


@pytest.mark.redis
def test_a_connection_that_is_older_than_the_bench_does_not_reach_its_server(app: Celery, redis_url: str) -> None:
    client = redis.Redis.from_url(redis_url, decode_responses=True)
    client.set("a", "real")
    with Bench(app):
        assert client.get("a") is None
        client.set("a", "on the bench")
    assert client.get("a") == "real"
