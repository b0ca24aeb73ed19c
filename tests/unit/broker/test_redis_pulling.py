"""Who gets a message when consumers pull; from kombu's redis transport 5.7."""

from __future__ import annotations

from typing import Any

import pytest

from coldframe._broker.errors import ChannelClosed
from coldframe._broker.message import Delivery, Message
from coldframe._broker.profiles import Redis


def test_a_message_is_delivered_when_it_is_taken(redis: Any) -> None:
    redis.queue()
    worker = redis.node("w1")
    redis.send("0")
    assert redis.happened() == [("Published", 1, None)]
    assert redis.bodies() == ["0"]
    delivery = redis.take(worker)
    assert delivery == Delivery(1, "w1:mail", delivery.message, "mail", "", "mail", redelivered=False)
    assert delivery.message.headers == {}
    worker.ack(1)
    worker.ack(1)
    worker.reject(1, requeue=True)
    assert redis.happened()[1:] == [("Delivered", 1, "w1"), ("Acked", 1, "w1")]
    assert not redis.broker.busy()


def test_a_queue_is_there_as_soon_as_something_is_sent_to_it(redis: Any) -> None:
    with pytest.raises(ChannelClosed, match="404 NOT_FOUND - no queue 'mail' in vhost '/'"):
        redis.publisher.queue_declare("mail", passive=True)
    redis.send("0")
    assert redis.publisher.queue_declare("mail", passive=True) == ("mail", 1, 0)
    assert redis.publisher.get("other") is None
    assert [name for name, _ in redis.broker.unread()] == ["mail"]


def test_the_most_urgent_lists_of_all_queues_come_first(redis: Any) -> None:
    for queue in ("a", "b"):
        for priority in (9, 6, 4, 3, 0, None):
            properties = {} if priority is None else {"priority": priority}
            redis.publisher.publish(Message(f"{queue}{priority}".encode(), properties=properties), "", queue)
    assert redis.take_all(redis.node("w1", "a", "b")) == [
        *("a0", "b0", "aNone", "bNone"),
        *("a4", "b4", "a3", "b3"),
        *("a6", "b6", "a9", "b9"),
    ]


def test_a_priority_below_the_first_step_goes_to_the_last_list(make_world: Any) -> None:
    world = make_world(Redis(priority_steps=(3, 6)))
    for priority in (0, 3, 12, "high"):
        world.send(str(priority), priority=priority)
    assert world.bodies() == ["3", "0", "12", "high"]


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("round_robin", ["b0", "a0", "b1", "a1"]),
        ("priority", ["b0", "b1", "a0", "a1"]),
        ("sorted", ["a0", "a1", "b0", "b1"]),
    ],
)
def test_queues_are_read_in_the_order_that_is_set(make_world: Any, order: str, expected: list[str]) -> None:
    world = make_world(Redis(queue_order=order))
    world.send("a0", "a1", queue="a")
    world.send("b0", "b1", queue="b")
    assert world.take_all(world.node("w1", "b", "a")) == expected


def test_a_change_of_consumers_begins_the_round_anew(redis: Any) -> None:
    redis.send("a0", "a1", queue="a")
    redis.send("b0", queue="b")
    worker = redis.node("w1", "a", "b")
    assert redis.take(worker).message.body == b"a0"
    worker.consume("c", "c")
    assert redis.take(worker).message.body == b"a1"


def test_the_one_that_waits_longest_is_served(redis: Any) -> None:
    a, b = redis.node("a"), redis.node("b")
    assert not b.connection.ready()
    assert not a.connection.ready()
    redis.send("0", "1", "2")
    assert redis.take(b).message.body == b"0"
    assert redis.take(a).message.body == b"1"


def test_consumers_that_read_at_the_same_moment_take_turns(redis: Any) -> None:
    woken: list[str] = []
    nodes = {name: redis.node(name) for name in ("a", "b")}
    for name, node in nodes.items():
        node.connection.on_ready = lambda name=name: woken.append(name)
        assert not node.connection.ready()
    redis.send("0", "1", "2", "3")
    got: dict[str, list[str]] = {"a": [], "b": []}
    while woken:
        name = woken.pop(0)
        got[name] += redis.take_all(nodes[name])
    assert got == {"a": ["0", "2"], "b": ["1", "3"]}


def test_who_does_not_wait_gets_nothing(redis: Any) -> None:
    busy, idle = redis.node("busy"), redis.node("idle")
    assert not idle.connection.ready()
    redis.send("0", "1")
    assert redis.take_all(idle) == ["0", "1"]
    assert redis.take_all(busy) == []


def test_the_prefetch_is_that_of_the_channel(redis: Any) -> None:
    redis.send("0", "1", "2")
    worker = redis.channel("w1")
    worker.qos(2, is_global=False)
    worker.consume("mail", "c")
    assert redis.take_all(worker) == ["0", "1"]
    woken: list[int] = []
    worker.connection.on_ready = lambda: woken.append(1)
    worker.ack(1)
    assert woken == [1]
    assert redis.take_all(worker) == ["2"]


def test_a_consumer_that_works_does_not_take_more_by_acknowledging(redis: Any) -> None:
    redis.send("0", "1")
    worker = redis.node("w1", prefetch=1)
    redis.take(worker)
    worker.ack(1)
    assert redis.bodies() == ["1"]
    assert redis.broker.queues["mail"].size == 1


def test_a_raised_prefetch_wakes_a_consumer_that_found_nothing(redis: Any) -> None:
    redis.send("0", "1")
    worker = redis.node("w1", prefetch=1)
    redis.take_all(worker)
    worker.qos(2, is_global=True)
    assert redis.take_all(worker) == ["1"]


def test_messages_that_are_not_to_be_acknowledged_are_forgotten_at_once(redis: Any) -> None:
    redis.send("0", "1")
    worker = redis.channel("w1", prefetch=1)
    worker.consume("mail", "c", no_ack=True)
    assert redis.take_all(worker) == ["0", "1"]
    assert redis.happened()[2:4] == [("Delivered", 1, "w1"), ("Acked", 1, "w1")]
    assert not redis.broker.busy()


def test_get_takes_one_message(redis: Any) -> None:
    redis.send("0")
    worker = redis.channel("w1")
    assert worker.get("mail").tag == 1
    assert worker.get("mail") is None
    assert len(redis.broker.unacked()) == 1


def test_a_reply_that_was_not_read_goes_back_when_the_consumer_goes(redis: Any) -> None:
    a, b, c = (redis.node(name) for name in ("a", "b", "c"))
    for node in (a, b, c):
        assert not node.connection.ready()
    redis.send("0")
    assert redis.broker.queues["mail"].size == 0
    a.connection.drop()
    b.cancel("b:mail")
    assert redis.take_all(c) == ["0"]
    assert redis.happened()[1:] == [("Delivered", 1, "c")]


def test_who_stood_back_is_served_when_the_other_one_dies(redis: Any) -> None:
    a, b = redis.node("a"), redis.node("b")
    for node in (a, b):
        assert not node.connection.ready()
    redis.send("0", "1", "2")
    assert redis.take_all(a) == ["0"]
    b.connection.drop()
    assert redis.take_all(a) == ["1", "2"]


def test_a_rejected_message_goes_to_the_back(redis: Any) -> None:
    redis.send("0", "1")
    worker = redis.node("w1")
    worker.reject(redis.take(worker).tag, requeue=True)
    assert redis.bodies() == ["1", "0"]
    assert redis.take_all(worker) == ["1", "0"]
    assert ("Requeued", 1, "rejected") in redis.happened()


def test_a_message_that_comes_back_says_so_in_its_headers(redis: Any) -> None:
    redis.send("0")
    worker = redis.node("w1")
    worker.reject(redis.take(worker).tag, requeue=True)
    again = redis.take(worker)
    assert (again.redelivered, again.message.headers) == (True, {"redelivered": True})


def test_a_message_that_is_rejected_for_good_is_gone(redis: Any) -> None:
    redis.send("0")
    worker = redis.node("w1")
    worker.reject(redis.take(worker).tag, requeue=False)
    assert redis.happened()[-1] == ("Dropped", 1, "rejected")
    assert not redis.broker.busy()


def test_a_message_that_comes_back_goes_to_every_queue_it_is_routed_to_by_then(redis: Any) -> None:
    channel = redis.publisher
    channel.exchange_declare("orders", "topic")
    for name in ("a", "b"):
        channel.queue_bind(name, "orders", "order.*")
    redis.send("0", exchange="orders", queue="order.paid")
    worker = redis.node("w1", "a")
    worker.reject(redis.take(worker).tag, requeue=True)
    assert [(name, message.number) for name, message in redis.broker.waiting()] == [("a", 1), ("b", 1), ("b", 1)]


def test_a_message_that_is_routed_nowhere_any_more_cannot_come_back(redis: Any) -> None:
    channel = redis.publisher
    channel.exchange_declare("orders")
    channel.queue_bind("mail", "orders", "new")
    redis.send("0", exchange="orders", queue="new")
    worker = redis.node("w1")
    tag = redis.take(worker).tag
    channel.queue_unbind("mail", "orders", "new")
    channel.queue_unbind("mail", "gone", "new")
    worker.reject(tag, requeue=True)
    assert redis.happened()[-1] == ("Dropped", 1, "queue deleted")


def test_what_does_not_fit_is_tolerated(redis: Any) -> None:
    channel = redis.publisher
    channel.queue_declare("mail", durable=True, arguments={"x-max-priority": 5})
    channel.queue_declare("mail", exclusive=True)
    assert redis.channel("w1").queue_declare("mail") == ("mail", 0, 0)
    assert channel.publish(Message(b"", task_id="t1"), "no-such-exchange", "a") == ()
    assert channel.queue_delete("never") == 0
    channel.exchange_declare("", "topic")
    with pytest.raises(ChannelClosed, match="406 PRECONDITION_FAILED - inequivalent arg 'type' for exchange 'e'"):
        channel.exchange_declare("e")
        channel.exchange_declare("e", "topic")
    channel.queue_bind("mail", "", "key")
    assert channel.publish(Message(b""), "amq.direct", "key") == ("mail",)
    assert channel.queue_delete("mail", if_empty=True) == 0
    assert channel.queue_delete("mail") == 1


def test_a_consumer_survives_the_deletion_of_its_queue(redis: Any) -> None:
    worker = redis.node("w1")
    redis.publisher.queue_delete("mail")
    redis.send("0")
    assert redis.take_all(worker) == ["0"]


def test_what_nobody_writes_to_for_long_enough_vanishes(redis: Any) -> None:
    channel = redis.publisher
    channel.queue_declare("reply", arguments={"x-expires": 10_000})
    redis.send("0", queue="reply")
    redis.advance(6)
    redis.send("1", queue="reply")
    redis.advance(9)
    assert channel.queue_declare("reply", passive=True) == ("reply", 2, 0)
    redis.advance(1)
    with pytest.raises(ChannelClosed, match="404 NOT_FOUND - no queue 'reply' in vhost '/'"):
        channel.queue_declare("reply", passive=True)
