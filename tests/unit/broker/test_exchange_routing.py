from __future__ import annotations

from typing import Any

import pytest

from coldframe._broker.errors import ChannelClosed
from coldframe._broker.exchanges import (
    amqp_topic_matches,
    headers_match,
    kombu_topic_matches,
    redis_channel_matches,
)
from coldframe._broker.message import Message


@pytest.mark.parametrize(
    ("pattern", "key", "on_rabbitmq", "on_redis"),
    [
        ("a.b", "a.b", True, True),
        ("a.*", "a.b", True, True),
        ("a.*", "a", False, False),
        ("a.*", "a.b.c", False, False),
        ("a.#", "a.b.c", True, True),
        ("a.#", "a", True, False),
        ("#", "", True, True),
        ("#.mail", "0.1.mail", True, True),
        ("#.mail", "mail", True, False),
        ("a.#.d", "a.d", True, False),
        ("a.#.d", "a.b.c.d", True, True),
        ("a+b", "aab", False, False),
    ],
)
def test_topic_patterns_match_as_the_brokers_do(pattern: str, key: str, on_rabbitmq: bool, on_redis: bool) -> None:
    assert amqp_topic_matches(pattern, key) is on_rabbitmq
    assert kombu_topic_matches(pattern, key) is on_redis


@pytest.mark.parametrize(
    ("arguments", "headers", "matches"),
    [
        ({"a": 1, "b": 2}, {"a": 1, "b": 2, "c": 3}, True),
        ({"a": 1, "b": 2}, {"a": 1}, False),
        ({"x-match": "any", "a": 1, "b": 2}, {"b": 2}, True),
        ({"x-match": "any", "a": 1}, {}, False),
        ({"x-other": 1}, {}, True),
        ({"x-match": "all-with-x", "x-other": 1}, {}, False),
        ({"a": None}, {"a": "anything"}, True),
    ],
)
def test_headers_exchanges_compare_all_or_any(
    arguments: dict[str, Any], headers: dict[str, Any], matches: bool
) -> None:
    assert headers_match(arguments, headers) is matches


def test_a_fanout_binding_on_redis_is_a_pattern() -> None:
    assert redis_channel_matches("", "")
    assert redis_channel_matches("celeryev.#", "celeryev.worker")
    assert not redis_channel_matches("", "mail")


def test_each_queue_gets_one_copy_in_the_order_of_the_bindings(rabbit: Any) -> None:
    channel = rabbit.publisher
    channel.exchange_declare("orders", "topic")
    for name in ("b", "a"):
        rabbit.queue(name)
    channel.queue_bind("b", "orders", "order.*")
    channel.queue_bind("b", "orders", "#")
    channel.queue_bind("a", "orders", "order.paid")
    assert channel.publish(Message(b""), "orders", "order.paid") == ("b", "a")
    assert channel.publish(Message(b""), "orders", "other") == ("b",)


def test_a_binding_that_is_undone_routes_no_longer(rabbit: Any) -> None:
    channel = rabbit.publisher
    channel.exchange_declare("orders")
    channel.queue_bind(rabbit.queue(), "orders", "new")
    assert channel.publish(Message(b""), "orders", "new") == ("mail",)
    channel.queue_unbind("mail", "orders", "new")
    assert channel.publish(Message(b""), "orders", "new") == ()


def test_exchanges_route_to_exchanges_and_loops_end(rabbit: Any) -> None:
    channel = rabbit.publisher
    for name in ("in", "out"):
        channel.exchange_declare(name, "topic")
    channel.exchange_bind("out", "in", "#")
    channel.exchange_bind("in", "out", "#")
    channel.queue_bind(rabbit.queue(), "out", "*.mail")
    assert channel.publish(Message(b""), "in", "0.mail") == ("mail",)
    channel.exchange_unbind("out", "in", "#")
    assert channel.publish(Message(b""), "in", "0.mail") == ()


def test_headers_decide_and_are_not_remembered(rabbit: Any) -> None:
    channel = rabbit.publisher
    channel.exchange_declare("by-size", "headers")
    channel.queue_bind(rabbit.queue(), "by-size", "", {"size": "big"})
    assert channel.publish(Message(b"", headers={"size": "big"}), "by-size", "") == ("mail",)
    assert channel.publish(Message(b"", headers={"size": "small"}), "by-size", "") == ()


def test_what_matches_nothing_goes_to_the_alternate_exchange(rabbit: Any) -> None:
    channel = rabbit.publisher
    channel.exchange_declare("rest", "fanout")
    channel.exchange_declare("orders", arguments={"alternate-exchange": "rest"})
    channel.queue_bind(rabbit.queue(), "rest", "")
    assert channel.publish(Message(b""), "orders", "unknown") == ("mail",)


def test_an_auto_delete_exchange_goes_with_its_last_binding(rabbit: Any) -> None:
    channel = rabbit.publisher
    channel.exchange_declare("orders", auto_delete=True)
    channel.queue_bind(rabbit.queue(), "orders", "new")
    channel.queue_delete("mail")
    assert "orders" not in rabbit.broker.exchanges


def test_a_deleted_exchange_takes_its_bindings_along(rabbit: Any) -> None:
    channel = rabbit.publisher
    channel.exchange_declare("in")
    channel.exchange_declare("out")
    channel.exchange_bind("out", "in", "a")
    channel.exchange_delete("out")
    channel.exchange_delete("never")
    assert rabbit.broker.exchanges["in"].bindings == []


def test_kombu_knows_no_exchange_bindings_and_no_headers_exchange_on_redis(redis: Any) -> None:
    channel = redis.publisher
    with pytest.raises(ChannelClosed, match="540 NOT_IMPLEMENTED - transport does not support exchange_bind"):
        channel.exchange_bind("a", "b", "")
    with pytest.raises(ChannelClosed, match="503 COMMAND_INVALID - invalid exchange type 'headers'"):
        channel.exchange_declare("h", "headers")
    assert not channel.closed
