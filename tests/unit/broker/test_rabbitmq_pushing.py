"""Who gets a message, and when; compared with RabbitMQ 3.10.8."""

from __future__ import annotations

from typing import Any

import pytest

from coldframe._broker.errors import ConnectionGone, ConsumerCancelled
from coldframe._broker.message import Delivery, Message
from coldframe._core.events import Acked, Delivered, Published


def test_a_message_is_published_delivered_and_acknowledged(rabbit: Any) -> None:
    rabbit.queue()
    worker = rabbit.node("w1")
    message = Message(
        b"[]", {"id": "t1"}, {"content_type": "application/json", "priority": 4}, task_id="t1", task="add"
    )
    assert rabbit.publisher.publish(message, "", "mail") == ("mail",)
    assert rabbit.take(worker) == Delivery(1, "w1:mail", message, "mail", "", "mail", redelivered=False)
    worker.ack(1)
    assert rabbit.trace == [
        Published(0, 1, "", "mail", ("mail",), "test", None, "t1", "add", b"[]", "application/json", None, priority=4),
        Delivered(0, 1, "mail", "w1", False, "t1", "add"),
        Acked(0, 1, "mail", "w1", "t1"),
    ]
    assert not rabbit.broker.busy()


def test_the_trace_tells_who_published(rabbit: Any) -> None:
    seen: list[int] = []
    rabbit.broker.publish_context = lambda: ("w1/1", "t0", True)
    rabbit.broker.on_published = lambda message, _exchange, _routing_key: seen.append(message.number)
    rabbit.queue()
    rabbit.send("a")
    assert (rabbit.trace[0].by, rabbit.trace[0].by_task_id, rabbit.trace[0].in_transaction) == ("w1/1", "t0", True)
    assert seen == [1]


def test_a_message_that_is_routed_nowhere_is_in_the_trace_if_it_is_a_task(rabbit: Any) -> None:
    assert rabbit.publisher.publish(Message(b"", task_id="t1"), "", "nowhere") == ()
    rabbit.publisher.publish(Message(b""), "", "nowhere")
    assert rabbit.happened() == [("Published", 1, None)]


def test_consumers_take_turns_as_far_as_they_have_credit(rabbit: Any) -> None:
    rabbit.queue()
    a, b = rabbit.node("a", prefetch=1), rabbit.node("b", prefetch=2)
    rabbit.send("0", "1", "2", "3", "4", "5")
    assert rabbit.take_all(a) == ["0"]
    assert rabbit.take_all(b) == ["1", "2"]
    a.ack(1)
    b.ack(1)
    assert (rabbit.take_all(a), rabbit.take_all(b)) == (["3"], ["4"])


def test_a_prefetch_per_consumer_counts_for_those_started_later(rabbit: Any) -> None:
    rabbit.queue("early")
    rabbit.queue("late")
    worker = rabbit.channel("w1")
    worker.consume("early", "early")
    worker.qos(1, is_global=False)
    worker.consume("late", "late")
    rabbit.send("e1", "e2", queue="early")
    rabbit.send("l1", "l2", queue="late")
    assert rabbit.take_all(worker) == ["e1", "e2", "l1"]
    worker.ack(3)
    assert rabbit.take_all(worker) == ["l2"]


def test_the_prefetch_of_a_channel_is_shared_fairly_by_its_queues(rabbit: Any) -> None:
    rabbit.queue("a")
    rabbit.queue("b")
    rabbit.send("a1", "a2", "a3", queue="a")
    rabbit.send("b1", "b2", "b3", queue="b")
    worker = rabbit.node("w1", "a", "b", prefetch=1)
    order = []
    for tag in range(1, 7):
        order += rabbit.take_all(worker)
        worker.ack(tag)
    assert order == ["a1", "a2", "b1", "a3", "b2", "b3"]


def test_a_raised_prefetch_lets_more_through(rabbit: Any) -> None:
    rabbit.queue()
    worker = rabbit.node("w1", prefetch=1)
    rabbit.send("0", "1", "2")
    worker.qos(2, is_global=True)
    assert rabbit.take_all(worker) == ["0", "1"]
    worker.qos(0, is_global=True)
    assert rabbit.take_all(worker) == ["2"]


def test_what_get_gave_does_not_count_against_the_prefetch(rabbit: Any) -> None:
    rabbit.queue()
    worker = rabbit.channel("w1", prefetch=1)
    rabbit.send("0", "1")
    assert worker.get("mail").message.body == b"0"
    worker.consume("mail", "c")
    assert rabbit.take_all(worker) == ["1"]
    worker.ack(1)
    assert worker.get("mail") is None


def test_a_consumer_that_never_acknowledges_has_no_limit(rabbit: Any) -> None:
    rabbit.queue()
    worker = rabbit.channel("w1", prefetch=1)
    worker.consume("mail", "c", no_ack=True)
    rabbit.send("0", "1")
    assert rabbit.take_all(worker) == ["0", "1"]
    assert rabbit.happened()[1:3] == [("Delivered", 1, "w1"), ("Acked", 1, "w1")]
    assert not rabbit.broker.busy()


def test_a_consumer_of_higher_priority_goes_first_while_it_has_credit(rabbit: Any) -> None:
    rabbit.queue()
    low, high = rabbit.channel("low", 5), rabbit.channel("high", 2)
    low.consume("mail", "c")
    high.consume("mail", "c", priority=10)
    rabbit.send("0", "1", "2")
    assert (rabbit.take_all(high), rabbit.take_all(low)) == (["0", "1"], ["2"])


def test_a_single_active_consumer_is_followed_by_the_next(rabbit: Any) -> None:
    rabbit.queue(single_active_consumer=True)
    first, second = rabbit.node("first", prefetch=1), rabbit.node("second")
    rabbit.send("0", "1")
    assert (rabbit.take_all(first), rabbit.take_all(second)) == (["0"], [])
    first.connection.drop()
    assert rabbit.take_all(second) == ["0", "1"]


def test_deliveries_of_a_connection_keep_their_order_across_channels(rabbit: Any) -> None:
    rabbit.queue("tasks")
    rabbit.queue("control")
    tasks = rabbit.node("w1", "tasks")
    control = tasks.connection.channel()
    control.consume("control", "c")
    rabbit.send("1", queue="control")
    rabbit.send("2", queue="tasks")
    rabbit.send("3", queue="control")
    assert rabbit.take_all(tasks) == ["1", "2", "3"]


def test_the_connection_is_told_when_something_arrives_after_nothing(rabbit: Any) -> None:
    rabbit.queue()
    calls: list[bool] = []
    worker = rabbit.node("w1")
    link = worker.connection
    link.on_ready = lambda: calls.append(link.ready())
    assert not link.ready()
    rabbit.send("0", "1")
    assert calls == [True]
    assert rabbit.take_all(worker) == ["0", "1"]
    rabbit.send("2")
    assert calls == [True, True]


def test_priorities_count_where_the_queue_has_them(rabbit: Any) -> None:
    rabbit.queue("plain")
    rabbit.queue("ranked", max_priority=5)
    for queue in ("plain", "ranked"):
        for priority in (0, 9, 3, None, 5):
            message = Message(str(priority).encode(), properties={} if priority is None else {"priority": priority})
            rabbit.publisher.publish(message, "", queue)
    assert rabbit.take_all(rabbit.node("w1", "plain")) == ["0", "9", "3", "None", "5"]
    assert rabbit.take_all(rabbit.node("w2", "ranked")) == ["9", "5", "3", "0", "None"]


def test_receivers_and_publishers_share_nothing(rabbit: Any) -> None:
    rabbit.queue()
    headers = {"timelimit": (None, 3), "stamps": {"a": [1]}}
    rabbit.publisher.publish(Message(b"", headers), "", "mail")
    headers["stamps"]["a"].append(2)  # type: ignore[call-overload]
    worker = rabbit.node("w1")
    delivery = rabbit.take(worker)
    assert delivery.message.headers == {"timelimit": [None, 3], "stamps": {"a": [1]}}
    delivery.message.headers["stamps"]["a"].clear()
    worker.reject(delivery.tag, requeue=True)
    assert rabbit.take(worker).message.headers["stamps"] == {"a": [1]}


def test_what_is_on_its_way_to_a_cancelled_consumer_goes_back(rabbit: Any) -> None:
    rabbit.queue()
    worker = rabbit.node("w1")
    rabbit.send("0", "1")
    assert rabbit.take(worker).message.body == b"0"
    worker.cancel("w1:mail")
    worker.cancel("w1:mail")
    assert rabbit.take_all(worker) == []
    assert rabbit.bodies() == ["1"]
    assert [held.message.body for held in rabbit.broker.unacked()] == [b"0"]


def test_a_consumer_is_told_that_its_queue_was_deleted(rabbit: Any) -> None:
    rabbit.queue()
    worker = rabbit.node("w1")
    assert rabbit.publisher.queue_delete("mail") == 0
    assert worker.connection.ready()
    with pytest.raises(ConsumerCancelled, match="consumer 'w1:mail' was cancelled by the broker"):
        worker.connection.take()
    assert worker.consumers == {}


def test_queues_of_a_connection_go_with_it_and_auto_delete_queues_with_their_last_consumer(rabbit: Any) -> None:
    worker = rabbit.channel("w1")
    worker.queue_declare("reply", exclusive=True)
    worker.queue_declare("events", auto_delete=True)
    worker.consume("events", "e")
    worker.cancel("e")
    assert list(rabbit.broker.queues) == ["reply"]
    worker.connection.drop()
    assert list(rabbit.broker.queues) == []
    assert rabbit.trace == []


def test_a_broker_that_is_down_drops_connections_and_keeps_messages(rabbit: Any) -> None:
    rabbit.queue()
    woken: list[str] = []
    worker = rabbit.node("w1")
    worker.connection.on_ready = lambda: woken.append("w1")
    rabbit.send("0")
    rabbit.broker.set_down(True)
    assert woken == ["w1", "w1"]
    with pytest.raises(ConnectionGone, match="the connection of w1 to the broker is gone"):
        worker.connection.take()
    with pytest.raises(ConnectionGone, match="the connection of test to the broker is gone"):
        rabbit.send("1")
    with pytest.raises(ConnectionGone, match="w1 cannot reach the broker: it is down"):
        rabbit.broker.connect("w1")
    rabbit.broker.set_down(False)
    assert rabbit.take(rabbit.node("w1")).redelivered
