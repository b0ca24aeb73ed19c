"""How messages come back on Redis, and when; from kombu's redis transport 5.7."""

from __future__ import annotations

from typing import Any

import pytest

from coldframe._broker.profiles import Redis
from coldframe._core.events import Requeued


def test_a_killed_consumer_keeps_its_messages_until_the_scan_after_the_visibility_timeout(redis: Any) -> None:
    redis.send("0", "1")
    redis.node("w2", "other")
    doomed = redis.node("w1")
    redis.advance(7)
    assert redis.take_all(doomed) == ["0", "1"]
    doomed.connection.drop()
    assert redis.broker.busy()
    redis.advance(3691)
    assert redis.bodies() == []
    redis.advance(2)
    assert redis.bodies() == ["0", "1"]
    assert redis.trace[-1] == Requeued(3_700_000_000, 1, "mail", "visibility timeout", None)
    assert not redis.broker.busy()


@pytest.mark.parametrize(("interval", "throttle", "at"), [(10, 1, 70), (1, 1, 68), (0, 0, 70), (7, 2, 70)])
def test_the_scan_follows_the_settings(make_world: Any, interval: float, throttle: int, at: int) -> None:
    world = make_world(Redis(visibility_timeout=60, restore_interval=interval, restore_throttle=throttle))
    world.send("0")
    holder = world.node("w1")
    world.advance(7)
    world.take(holder)
    world.advance(at - 7)
    assert world.trace[-1] == Requeued(at * 1_000_000, 1, "mail", "visibility timeout", None)


def test_without_a_consumer_nothing_comes_back_until_one_appears(redis: Any) -> None:
    redis.send("0")
    doomed = redis.node("w1")
    redis.take(doomed)
    doomed.connection.drop()
    assert not redis.broker.busy()
    redis.advance(50_000)
    assert redis.bodies() == []
    successor = redis.node("w2")
    redis.advance(0)
    assert redis.take(successor).redelivered
    assert redis.trace[-2].at == 50_000_000_000


def test_a_message_that_is_worked_on_for_too_long_runs_twice(redis: Any) -> None:
    redis.send("0")
    first, second = redis.node("w1"), redis.node("w2")
    tag = redis.take(first).tag
    redis.advance(3700)
    again = redis.take(second)
    assert (again.tag, again.redelivered) == (tag, True)
    first.ack(tag)
    second.connection.drop()
    redis.advance(10_000)
    assert redis.bodies() == []
    assert redis.happened()[1:] == [
        ("Delivered", 1, "w1"),
        ("Requeued", 1, "visibility timeout"),
        ("Delivered", 1, "w2"),
        ("Acked", 1, "w1"),
    ]


def test_an_acknowledgement_does_not_stop_a_message_that_is_back_in_its_queue(redis: Any) -> None:
    redis.send("0")
    worker = redis.node("w1", prefetch=1)
    tag = redis.take(worker).tag
    redis.advance(3700)
    assert redis.take_all(worker) == []
    worker.ack(tag)
    assert redis.take(worker).redelivered


def test_a_rejection_after_the_timeout_does_nothing(redis: Any) -> None:
    redis.send("0")
    worker = redis.node("w1")
    tag = redis.take(worker).tag
    redis.advance(3700)
    worker.reject(tag, requeue=True)
    assert redis.bodies() == ["0"]


def test_the_same_message_twice_in_the_same_hands_counts_once(redis: Any) -> None:
    redis.send("0", "1")
    worker = redis.node("w1", prefetch=2)
    redis.take(worker)
    redis.advance(3700)
    assert redis.take(worker).redelivered
    assert redis.take_all(worker) == ["1"]
    worker.ack(1)
    worker.ack(2)
    assert not redis.broker.busy()


def test_closing_in_good_order_restores_with_the_last_delivery_in_front(redis: Any) -> None:
    redis.send("0", "1", "2", "3")
    worker = redis.node("w1", prefetch=3)
    redis.take_all(worker)
    worker.ack(2)
    worker.connection.close()
    assert redis.bodies() == ["2", "0", "3"]
    assert redis.happened()[-2:] == [("Requeued", 1, "restored"), ("Requeued", 3, "restored")]
    assert not redis.broker.busy()


def test_what_is_restored_wakes_a_consumer_that_waits(redis: Any) -> None:
    redis.send("0")
    first, second = redis.node("w1"), redis.node("w2")
    redis.take(first)
    woken: list[int] = []
    second.connection.on_ready = lambda: woken.append(1)
    assert not second.connection.ready()
    first.close()
    assert woken == [1]
    assert redis.take(second).redelivered


def test_recover_gives_back_all_that_a_channel_holds(redis: Any) -> None:
    redis.send("0", "1")
    worker = redis.channel("w1")
    worker.get("mail")
    worker.get("mail")
    worker.recover(requeue=True)
    assert redis.bodies() == ["1", "0"]
    assert worker.unacked == {}


def test_each_connection_looks_at_its_own_times(redis: Any) -> None:
    redis.send("0")
    early = redis.node("w1")
    redis.take(early)
    redis.advance(30)
    late = redis.node("w2")
    early.connection.drop()
    redis.advance(3600)
    assert redis.trace[-1].at == 3_630_000_000
    assert redis.take(late).redelivered


def test_a_consumer_that_stops_looks_no_longer(redis: Any) -> None:
    redis.send("0")
    worker = redis.node("w1")
    redis.take(worker)
    worker.cancel("w1:mail")
    redis.advance(10_000)
    assert redis.bodies() == []
    assert len(redis.broker.unacked()) == 1


def test_the_next_oldest_message_comes_back_at_its_own_time(redis: Any) -> None:
    redis.send("0", "1")
    worker = redis.node("w1")
    redis.take(worker)
    redis.advance(500)
    redis.take(worker)
    worker.ack(1)
    redis.advance(3699)
    assert redis.bodies() == []
    redis.advance(1)
    assert redis.trace[-1] == Requeued(4_200_000_000, 2, "mail", "visibility timeout", None)
