"""Fanout on Redis is PUBLISH: who does not listen hears nothing."""

from __future__ import annotations

from typing import Any

import pytest

from coldframe._broker.message import Message


@pytest.fixture
def fanout(redis: Any) -> Any:
    redis.publisher.exchange_declare("news", "fanout")
    redis.publisher.queue_bind(redis.queue(), "news", "")
    return redis


def test_without_a_listener_the_message_is_lost(fanout: Any) -> None:
    assert fanout.publisher.publish(Message(b""), "news", "") == ("mail",)
    assert fanout.happened() == [("Published", 1, None), ("Dropped", 1, "nobody listens")]
    assert fanout.bodies() == []


def test_every_listener_gets_a_copy(fanout: Any) -> None:
    woken: list[str] = []
    a, b = fanout.node("a"), fanout.node("b")
    b.connection.on_ready = lambda: woken.append("b")
    assert not b.connection.ready()
    fanout.send("0", "1", exchange="news", queue="")
    assert woken == ["b"]
    assert fanout.broker.busy()
    assert fanout.take_all(a) == ["0", "1"]
    assert fanout.take_all(b) == ["0", "1"]


def test_the_binding_key_is_a_pattern(fanout: Any) -> None:
    worker = fanout.node("w1")
    fanout.send("0", exchange="news", queue="sports")
    assert fanout.take_all(worker) == []


def test_a_listener_without_credit_hears_it_later(fanout: Any) -> None:
    worker = fanout.node("w1", prefetch=1)
    fanout.send("0", "1", exchange="news", queue="")
    assert fanout.take_all(worker) == ["0"]
    worker.ack(1)
    assert fanout.take_all(worker) == ["1"]


def test_what_was_heard_and_not_acknowledged_is_lost_with_its_listener(fanout: Any) -> None:
    worker = fanout.node("w1")
    fanout.send("0", exchange="news", queue="")
    fanout.take(worker)
    worker.connection.close()
    assert fanout.happened()[-1] == ("Dropped", 1, "nobody listens")


def test_what_was_not_heard_is_lost_with_its_listener(fanout: Any) -> None:
    worker = fanout.node("w1")
    fanout.send("0", exchange="news", queue="")
    worker.connection.drop()
    assert not fanout.broker.busy()


def test_what_is_put_into_the_list_of_a_fanout_queue_is_never_read(fanout: Any) -> None:
    worker = fanout.node("w1")
    fanout.send("0")
    assert fanout.take_all(worker) == []
    assert [name for name, _ in fanout.broker.unread()] == ["mail"]
    assert not fanout.broker.busy()


def test_a_mailbox_of_remote_control_goes_with_its_channel(redis: Any) -> None:
    worker = redis.channel("w1")
    worker.exchange_declare("pidbox", "fanout")
    worker.queue_declare("w1.pidbox", auto_delete=True)
    worker.queue_bind("w1.pidbox", "pidbox", "")
    worker.queue_declare("w1.reply", auto_delete=True)
    worker.consume("w1.pidbox", "c", no_ack=True)
    redis.send("ping", exchange="pidbox", queue="")
    assert redis.take_all(worker) == ["ping"]
    worker.close()
    assert list(redis.broker.queues) == ["w1.reply"]
    assert redis.trace == []
