"""What only the simulated Redis has: virtual time, a hook for those who wait, and refusals of its own."""

from __future__ import annotations

import pytest

from coldframe._celery.redis_client import PubSub, RedisServer
from coldframe.errors import SetupError

SECOND = 1_000_000


def test_keys_end_when_virtual_time_says_so() -> None:
    clock = [0]
    client = RedisServer(now=lambda: clock[0]).client()
    client.setex("a", 10, "x")
    client.set("b", "x", px=1500)
    clock[0] = 1_499_999
    assert client.mget("a", "b") == [b"x", b"x"]
    clock[0] = 1_500_000
    assert client.mget("a", "b") == [b"x", None]
    clock[0] = 9_999_999
    assert (client.get("a"), client.ttl("a")) == (b"x", 0)
    clock[0] = 10 * SECOND
    assert (client.get("a"), client.ttl("a"), client.keys()) == (None, -2, [])


def test_a_flushed_database_is_empty() -> None:
    client = RedisServer(now=lambda: 0).client()
    client.setex("a", 10, "x")
    assert client.flushdb() is True
    assert (client.keys(), client.ttl("a")) == ([], -2)


def test_keys_that_nobody_looks_at_are_swept_out() -> None:
    clock = [0]
    server = RedisServer(now=lambda: clock[0])
    client = server.client()
    for number in range(10_000):
        clock[0] += SECOND
        client.setex(f"task-{number}", 100, "x")
    assert len(server.keyspace) <= 1025
    assert len(client.keys()) == 100


def test_whoever_waits_is_told_of_each_message() -> None:
    server = RedisServer(now=lambda: 0)
    told: list[PubSub] = []
    server.on_message = told.append
    client = server.client()
    quiet, curious = client.pubsub(ignore_subscribe_messages=True), client.pubsub()
    quiet.subscribe("a")
    assert told == []
    curious.subscribe("a")
    assert told == [curious]
    client.publish("a", "x")
    assert told == [curious, quiet, curious]
    assert server.on_message == told.append


def test_a_reset_of_the_pool_ends_its_own_subscriptions_only() -> None:
    server = RedisServer(now=lambda: 0)
    lost, kept = server.client(), server.client()
    subscribers = [client.pubsub() for client in (lost, lost, kept)]
    for subscriber in subscribers:
        subscriber.subscribe("a", "b")
    lost.connection_pool.reset()
    assert [subscriber.subscribed for subscriber in subscribers] == [False, False, True]
    assert kept.publish("a", "x") == 1


def test_a_command_that_is_not_taken_by_name_says_what_to_do() -> None:
    client = RedisServer(now=lambda: 0).client()
    with pytest.raises(SetupError, match="does not take 'FLUSHALL' through execute_command") as caught:
        client.execute_command("FLUSHALL")
    assert (
        caught.value.hint == "Call the client's method for it, such as client.get(...), if there is one for 'FLUSHALL'."
    )


def test_a_pipeline_has_only_what_can_be_queued() -> None:
    pipe = RedisServer(now=lambda: 0).client().pipeline()
    with pytest.raises(AttributeError, match="'Pipeline' object has no attribute 'pubsub'"):
        pipe.pubsub()


def test_an_error_that_is_no_refusal_ends_a_pipeline() -> None:
    pipe = RedisServer(now=lambda: 0).client().pipeline().get("a").execute_command("FLUSHALL")
    assert (len(pipe), bool(pipe)) == (2, True)
    with pytest.raises(SetupError, match="does not take 'FLUSHALL'"):
        pipe.execute()
    assert len(pipe) == 0


def test_confirmations_can_be_left_out_while_reading() -> None:
    pubsub = RedisServer(now=lambda: 0).client().pubsub()
    pubsub.unsubscribe("never")
    pubsub.subscribe("a")
    assert pubsub.get_message(ignore_subscribe_messages=True) is None
    assert not pubsub.messages
