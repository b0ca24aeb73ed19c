"""Each test with a `client` runs on the simulated Redis and on a real one, and expects the same replies."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from itertools import islice
from typing import Any

import pytest
import redis

from coldframe._celery.redis_client import RedisServer

pytestmark = pytest.mark.filterwarnings("ignore:Call to deprecated:DeprecationWarning")


@pytest.fixture(params=["simulated", "real"])
def client(request: pytest.FixtureRequest) -> Iterator[Any]:
    if request.param == "simulated":
        with RedisServer(now=lambda: 0).client() as simulated:
            yield simulated
        return
    with redis.Redis.from_url(request.getfixturevalue("redis_url")) as connected:
        yield connected


def read(pubsub: Any, count: int) -> list[Any]:
    """So many messages; redis-py answers None for a confirmation that it leaves out, and before the next arrives."""
    answers = (pubsub.get_message(timeout=1.0) for _ in range(9))
    return list(islice((message for message in answers if message is not None), count))


# --- strings and keys -----------------------------------------------------------------------------------


def test_strings_come_back_as_bytes_whatever_they_went_in_as(client: Any) -> None:
    assert client.set("a", "grün") is True
    assert client.set(b"b", 7) is True
    assert client.set("c", 1.5) is True
    assert client.mget(["a", b"b"], "c", "none") == ["grün".encode(), b"7", b"1.5", None]
    assert client.get("none") is None
    assert client.mget([]) == []


def test_set_can_ask_that_the_key_is_new_or_is_there(client: Any) -> None:
    assert client.set("a", 1, xx=True) is None
    assert client.set("a", 1, nx=True) is True
    assert client.set("a", 2, nx=True) is None
    assert client.set("a", 3, xx=True) is True
    assert client.get("a") == b"3"


def test_a_key_says_how_long_it_has_left(client: Any) -> None:
    client.setex("a", 100, "x")
    client.set("b", "x", ex=timedelta(seconds=50))
    client.set("c", "x", px=20_000)
    client.set(memoryview(b"d"), bytearray(b"x"))
    assert [client.ttl(key) for key in ("a", "b", "c", "d", "none")] == [100, 50, 20, -1, -2]
    assert client.expire("d", 30) is True
    assert client.expire("none", 30) is False
    assert client.ttl("d") == 30


def test_a_new_value_takes_the_deadline_away_and_a_sum_leaves_it(client: Any) -> None:
    client.setex("a", 100, 1)
    client.setex("b", 100, 1)
    client.set("a", 2)
    client.incr("b")
    assert (client.ttl("a"), client.ttl("b")) == (-1, 100)


def test_a_key_whose_time_is_not_above_zero_is_gone_at_once(client: Any) -> None:
    client.set("a", 1)
    assert client.expire("a", 0) is True
    assert client.exists("a") == 0


def test_counters_count_from_nothing(client: Any) -> None:
    assert client.incr("n") == 1
    assert client.incr("n", 5) == 6
    assert client.decr("n") == 5
    assert client.decr("n", 10) == -5
    assert client.get("n") == b"-5"


def test_keys_are_counted_typed_listed_and_removed(client: Any) -> None:
    client.set("task-1", "x")
    client.rpush("task-2", "x")
    client.hset("other", "field", "x")
    client.zadd("z", {"a": 1})
    client.sadd("s", "a")
    assert [client.type(key) for key in ("task-1", "task-2", "other", "z", "s", "none")] == [
        b"string", b"list", b"hash", b"zset", b"set", b"none",
    ]  # fmt: skip
    assert sorted(client.keys("task-*")) == [b"task-1", b"task-2"]
    assert sorted(client.scan_iter("task-[^1]")) == [b"task-2"]
    assert sorted(client.keys("?")) == [b"s", b"z"]
    assert client.exists("task-1", "task-1", "none") == 2
    assert client.delete("task-1", "none", b"z") == 2
    assert sorted(client.keys("[^c]*")) == [b"other", b"s", b"task-2"]  # the claim on a real database begins with c
    assert client.ping() is True


# --- collections ----------------------------------------------------------------------------------------


def test_lists_grow_at_both_ends_and_are_read_by_position(client: Any) -> None:
    assert client.rpush("l", "c", 4) == 2
    assert client.lpush("l", "b", "a") == 4
    assert client.llen("l") == 4
    assert client.lrange("l", 0, -1) == [b"a", b"b", b"c", b"4"]
    assert client.lrange("l", 1, 2) == [b"b", b"c"]
    assert client.lrange("l", -2, 99) == [b"c", b"4"]
    assert client.lrange("l", 3, 1) == []
    assert client.lrange("l", 0, -9) == []
    assert (client.lpop("l"), client.rpop("l"), client.lpop("none")) == (b"a", b"4", None)


def test_equal_elements_are_removed_from_the_side_asked_for(client: Any) -> None:
    client.rpush("l", "a", "b", "a", "b", "a")
    assert client.lrem("l", -1, "a") == 1
    assert client.lrange("l", 0, -1) == [b"a", b"b", b"a", b"b"]
    assert client.lrem("l", 1, "a") == 1
    assert client.lrem("l", 0, "b") == 2
    assert client.lrem("l", 0, "a") == 1
    assert client.lrem("l", 0, "a") == 0
    assert client.exists("l") == 0


def test_a_sorted_set_is_ordered_by_score_and_then_by_member(client: Any) -> None:
    assert client.zadd("z", {"late": "+inf", "b": 1, "a": 1, "c": 2.5}) == 4
    assert client.zadd("z", {"c": 0, "d": 3}) == 1
    assert client.zadd("z", {"c": 9, "e": 4}, nx=True) == 1
    assert client.zcard("z") == 6
    assert client.zrange("z", 0, -1) == [b"c", b"a", b"b", b"d", b"e", b"late"]
    assert client.zrange("z", 0, 1, desc=True) == [b"late", b"e"]
    assert client.zrange("z", 0, 1, withscores=True) == [(b"c", 0.0), (b"a", 1.0)]
    assert client.zrange("none", 0, -1) == []
    bounds = [("-inf", "+inf"), (1, 3), ("(1", 3), (1, "(3")]
    assert [client.zcount("z", low, high) for low, high in bounds] == [6, 3, 1, 2]
    assert client.zcount("none", "-inf", "+inf") == 0


def test_sets_know_their_members(client: Any) -> None:
    assert client.sadd("s", "a", "b", "a") == 2
    assert client.sadd("s", "a", "c") == 1
    assert (client.sismember("s", "a"), client.sismember("s", "z"), client.sismember("none", "a")) == (1, 0, 0)
    assert client.smembers("s") == {b"a", b"b", b"c"}
    assert client.smembers("none") == set()


def test_hashes_keep_fields(client: Any) -> None:
    assert client.hset("h", "a", 1) == 1
    assert client.hset("h", mapping={"a": 2, "b": "x"}) == 1
    assert client.hget("h", "a") == b"2"
    assert client.hget("h", "none") is None
    assert client.hgetall("h") == {b"a": b"2", b"b": b"x"}
    assert client.hdel("h", "a", "none") == 1
    assert client.hdel("h", "b") == 1
    assert client.hdel("h", "b") == 0
    assert client.exists("h") == 0
    assert client.hgetall("h") == {}


# --- refusals -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "args", "text"),
    [
        ("get", ("l",), "WRONGTYPE Operation against a key holding the wrong kind of value"),
        ("rpush", ("a", 1), "WRONGTYPE Operation against a key holding the wrong kind of value"),
        ("incr", ("a",), "value is not an integer or out of range"),
        ("setex", ("a", 0, "x"), "invalid expire time in 'setex' command"),
        ("set", ("a", "x", 0), "invalid expire time in 'set' command"),
        ("set", ("a", "x", 1, 1), "syntax error"),
        ("rpush", ("l",), "wrong number of arguments for 'rpush' command"),
        ("zadd", ("z", {"a": "high"}), "value is not a valid float"),
        ("zadd", ("z", {"a": "nan"}), "value is not a valid float"),
    ],
)
def test_what_the_server_refuses_raises_its_text(client: Any, command: str, args: tuple[Any, ...], text: str) -> None:
    client.set("a", "x")
    client.rpush("l", "x")
    if (command, args) == ("set", ("a", "x", 1, 1)) and isinstance(client, redis.Redis):
        text = "``ex``, ``px``|syntax error"  # newer redis-py refuses this before the server does
    with pytest.raises((redis.ResponseError, redis.DataError), match=text):
        getattr(client, command)(*args)


@pytest.mark.parametrize(
    ("command", "args", "kwargs", "text"),
    [
        ("set", ("a", True), {}, "Invalid input of type: 'bool'"),
        ("get", (None,), {}, "Invalid input of type: 'NoneType'"),
        ("zadd", ("z", {}), {}, "ZADD requires at least one element/score pair"),
        ("hset", ("h",), {}, "'hset' with no key value pairs"),
        ("set", ("a", 1), {"nx": True, "xx": True}, "mutually exclusive"),
    ],
)
def test_what_cannot_be_sent_is_a_data_error(
    client: Any, command: str, args: tuple[Any, ...], kwargs: dict[str, Any], text: str
) -> None:
    with pytest.raises(redis.DataError, match=text):
        getattr(client, command)(*args, **kwargs)


# --- pipelines and messages -----------------------------------------------------------------------------


def test_a_pipeline_runs_its_commands_when_it_is_executed(client: Any) -> None:
    with client.pipeline() as pipe:
        replies = pipe.setex("a", 10, "x").get("a").incr("n").publish("nobody", "x")
        assert client.exists("a") == 0
        assert replies.execute() == [True, b"x", 1, 0]
        assert pipe.execute() == []
        pipe.set("b", 1)
    assert client.exists("b") == 0


def test_a_refused_command_in_a_pipeline_stops_no_other(client: Any) -> None:
    pipe = client.pipeline().set("a", "x").rpush("a", 1).incr("n")
    with pytest.raises(redis.ResponseError, match="WRONGTYPE"):
        pipe.execute()
    assert client.get("n") == b"1"
    replies = pipe.set("b", 1).rpush("b", 1).execute(raise_on_error=False)
    assert [type(reply) for reply in replies] == [bool, redis.ResponseError]


def test_messages_reach_those_who_subscribed(client: Any, own_name: str) -> None:
    first, second, third = (f"{own_name}-{number}" for number in (1, 2, 3))
    with client.pubsub(ignore_subscribe_messages=True) as pubsub:
        assert (pubsub.subscribed, pubsub.connection) == (False, None)
        pubsub.subscribe(first, second.encode())
        assert pubsub.subscribed
        listened_to = client.execute_command("PUBSUB CHANNELS", f"{own_name}-*")
        assert sorted(listened_to) == [first.encode(), second.encode()]
        assert [client.publish(channel, "x") for channel in (first, second, third)] == [1, 1, 0]
        assert pubsub.connection.can_read(timeout=1) is True
        assert read(pubsub, 2) == [
            {"type": "message", "pattern": None, "channel": first.encode(), "data": b"x"},
            {"type": "message", "pattern": None, "channel": second.encode(), "data": b"x"},
        ]
        pubsub.unsubscribe(first)
        assert pubsub.get_message(timeout=0.1) is None
        assert client.publish(first, "x") == 0


def test_a_subscriber_can_see_its_subscriptions_confirmed(client: Any) -> None:
    with client.pubsub() as pubsub:
        pubsub.subscribe("a", "b")
        pubsub.unsubscribe("a")
        seen = read(pubsub, 3)
    assert [(message["type"], message["channel"], message["data"]) for message in seen] == [
        ("subscribe", b"a", 1),
        ("subscribe", b"b", 2),
        ("unsubscribe", b"a", 1),
    ]
