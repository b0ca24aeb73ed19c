"""Time to live, dead letters and full queues; compared with RabbitMQ 3.10.8."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from coldframe._broker.profiles import RabbitMQ
from coldframe._core.events import Dropped


def test_a_message_expires_at_the_head_of_its_queue_and_becomes_a_dead_letter(make_world: Any) -> None:
    world = make_world(RabbitMQ(version=(3, 10)))
    world.queue("dead")
    world.queue(dead_letter_exchange="", dead_letter_routing_key="dead")
    world.send("0", expiration="1500")
    assert world.broker.busy()
    world.advance(1.5)
    assert Dropped(1_500_000, 1, "mail", "expired", None, "") in world.trace
    delivery = world.publisher.get("dead")
    assert (delivery.exchange, delivery.routing_key, delivery.redelivered) == ("", "dead", False)
    assert delivery.message.properties == {}
    assert delivery.message.headers == {
        "x-death": [
            {
                "count": 1,
                "reason": "expired",
                "queue": "mail",
                "time": datetime(1970, 1, 1, 0, 0, 1),
                "exchange": "",
                "routing-keys": ["mail"],
                "original-expiration": "1500",
            }
        ],
        "x-first-death-reason": "expired",
        "x-first-death-queue": "mail",
        "x-first-death-exchange": "",
    }


def test_the_last_death_is_told_since_3_13(rabbit: Any) -> None:
    rabbit.queue("dead")
    rabbit.queue(dead_letter_exchange="", dead_letter_routing_key="dead")
    rabbit.send("0")
    rabbit.publisher.reject(rabbit.publisher.get("mail").tag, requeue=False)
    headers = rabbit.publisher.get("dead").message.headers
    assert (headers["x-last-death-queue"], headers["x-last-death-reason"]) == ("mail", "rejected")
    assert rabbit.happened()[2] == ("Dropped", 1, "rejected")


def test_a_message_behind_one_that_stays_does_not_expire(rabbit: Any) -> None:
    rabbit.queue()
    rabbit.send("long")
    rabbit.send("short", expiration="50")
    rabbit.advance(10)
    assert rabbit.bodies() == ["long", "short"]
    assert not rabbit.broker.busy()
    assert [name for name, _ in rabbit.broker.unread()] == ["mail"]
    rabbit.publisher.get("mail")
    rabbit.advance(0)
    assert rabbit.bodies() == []


def test_the_shorter_of_queue_and_message_counts(rabbit: Any) -> None:
    rabbit.queue(message_ttl=1000)
    rabbit.send("message", expiration="300")
    rabbit.send("queue", expiration="5000")
    rabbit.advance(0.3)
    assert rabbit.bodies() == ["queue"]
    rabbit.advance(0.7)
    assert rabbit.bodies() == []
    assert [(e.at, e.reason) for e in rabbit.trace if isinstance(e, Dropped)] == [
        (300_000, "expired"),
        (1_000_000, "expired"),
    ]


def test_a_message_with_no_time_to_live_is_delivered_at_once_or_never(rabbit: Any) -> None:
    rabbit.queue()
    worker = rabbit.node("w1", prefetch=1)
    rabbit.send("0", "1", expiration="0")
    rabbit.advance(0)
    assert rabbit.take_all(worker) == ["0"]
    assert rabbit.bodies() == []


def test_a_requeued_message_keeps_its_end(rabbit: Any) -> None:
    rabbit.queue(message_ttl=1000)
    rabbit.send("0")
    holder = rabbit.publisher
    tag = holder.get("mail").tag
    rabbit.advance(2)
    holder.reject(tag, requeue=True)
    rabbit.advance(0)
    assert rabbit.happened()[-1] == ("Dropped", 1, "expired")


def test_urgent_messages_expire_in_their_own_lane(rabbit: Any) -> None:
    rabbit.queue(max_priority=5)
    rabbit.send("stays", priority=1)
    rabbit.send("late", priority=5, expiration="900")
    rabbit.send("soon", priority=3, expiration="100")
    rabbit.advance(0.1)
    assert rabbit.bodies() == ["late", "stays"]
    rabbit.advance(0.8)
    assert rabbit.bodies() == ["stays"]


def test_a_chain_of_delays_hands_a_message_on_until_it_arrives(rabbit: Any) -> None:
    channel = rabbit.publisher
    channel.exchange_declare("out", "topic")
    rabbit.queue("step2", message_ttl=2000, dead_letter_exchange="out")
    channel.exchange_declare("step1", "topic")
    rabbit.queue("step4", message_ttl=4000, dead_letter_exchange="step1")
    channel.queue_bind("step2", "step1", "#")
    channel.queue_bind(rabbit.queue(), "out", "#.mail")
    channel.exchange_declare("step2", "topic")
    channel.queue_bind("step4", "step2", "1.#")
    channel.exchange_bind("step1", "step2", "0.#")
    rabbit.send("0", exchange="step2", queue="1.1.mail")
    assert rabbit.broker.busy()
    rabbit.advance(5.9)
    assert rabbit.publisher.get("mail") is None
    rabbit.advance(0.1)
    delivery = channel.get("mail")
    assert (delivery.exchange, delivery.routing_key) == ("out", "1.1.mail")
    assert [death["queue"] for death in delivery.message.headers["x-death"]] == ["step2", "step4"]


def test_a_second_death_in_the_same_place_is_counted(rabbit: Any) -> None:
    rabbit.queue("wait", message_ttl=1000, dead_letter_exchange="", dead_letter_routing_key="mail")
    rabbit.queue(dead_letter_exchange="", dead_letter_routing_key="wait")
    channel = rabbit.publisher
    rabbit.send("0")
    for _ in range(2):
        channel.reject(channel.get("mail").tag, requeue=False)
        rabbit.advance(1)
    deaths = channel.get("mail").message.headers["x-death"]
    assert [(death["queue"], death["reason"], death["count"]) for death in deaths] == [
        ("wait", "expired", 2),
        ("mail", "rejected", 2),
    ]


def test_a_circle_in_which_nobody_rejects_ends(rabbit: Any) -> None:
    rabbit.queue(message_ttl=50, dead_letter_exchange="", dead_letter_routing_key="mail")
    rabbit.send("0")
    rabbit.advance(1)
    assert rabbit.bodies() == []
    assert not rabbit.broker.busy()


def test_a_dead_letter_exchange_that_does_not_exist_loses_the_message(rabbit: Any) -> None:
    rabbit.queue(dead_letter_exchange="gone")
    rabbit.send("0")
    rabbit.publisher.reject(rabbit.publisher.get("mail").tag, requeue=False)
    assert rabbit.trace[-1] == Dropped(0, 1, "mail", "rejected", None, "gone")


def test_a_full_queue_gives_up_its_oldest_message(rabbit: Any) -> None:
    rabbit.queue(max_length=2)
    rabbit.send("0", "1", "2", "3")
    assert rabbit.bodies() == ["2", "3"]
    assert rabbit.happened()[-1] == ("Dropped", 2, "queue full")


def test_a_full_queue_can_refuse_the_new_message_instead(rabbit: Any) -> None:
    rabbit.queue(max_length=2, overflow="reject-publish")
    rabbit.send("0", "1", "2")
    assert rabbit.bodies() == ["0", "1"]


def test_a_queue_that_nobody_uses_goes_away(rabbit: Any) -> None:
    channel = rabbit.channel("w1")
    channel.queue_declare("reply", arguments={"x-expires": 10_000})
    rabbit.advance(6)
    channel.get("reply")
    rabbit.advance(6)
    channel.consume("reply", "c")
    rabbit.advance(60)
    channel.cancel("c")
    rabbit.advance(9)
    assert list(rabbit.broker.queues) == ["reply"]
    rabbit.advance(1)
    assert list(rabbit.broker.queues) == []


def test_a_deleted_queue_leaves_no_timer(rabbit: Any) -> None:
    rabbit.queue(message_ttl=1000)
    rabbit.publisher.queue_declare("reply", arguments={"x-expires": 10_000})
    rabbit.send("0")
    for name in ("mail", "reply"):
        rabbit.publisher.queue_delete(name)
    assert rabbit.scheduler.next_moment() is None
