"""How messages come back; compared with RabbitMQ 3.10.8."""

from __future__ import annotations

from typing import Any

import pytest

from coldframe._broker.errors import ChannelClosed
from coldframe._broker.profiles import RabbitMQ


def test_a_rejected_message_goes_back_to_its_place(rabbit: Any) -> None:
    rabbit.queue()
    rabbit.send("0", "1", "2", "3")
    holder = rabbit.channel("w1")
    for _ in range(3):
        holder.get("mail")
    holder.reject(2, requeue=True)
    assert rabbit.bodies() == ["1", "3"]
    holder.reject(1, requeue=True)
    holder.reject(3, requeue=True)
    assert rabbit.bodies() == ["0", "1", "2", "3"]
    again = holder.get("mail")
    assert (again.message.body, again.redelivered, again.tag) == (b"0", True, 4)


def test_a_rejected_message_goes_to_the_next_consumer_in_turn(rabbit: Any) -> None:
    rabbit.queue()
    a, b = rabbit.node("a", prefetch=1), rabbit.node("b", prefetch=1)
    rabbit.send("0")
    a.reject(rabbit.take(a).tag, requeue=True)
    assert rabbit.take(b).redelivered
    assert rabbit.happened()[2:] == [("Requeued", 1, "rejected"), ("Delivered", 1, "b")]


def test_a_lost_connection_gives_everything_back_at_once(rabbit: Any) -> None:
    rabbit.queue()
    doomed = rabbit.node("w1", prefetch=2)
    rabbit.send("0", "1", "2")
    assert rabbit.take(doomed).message.body == b"0"
    assert rabbit.broker.busy()
    doomed.connection.drop()
    doomed.connection.drop()
    assert rabbit.happened()[-2:] == [("Requeued", 1, "connection lost"), ("Requeued", 2, "connection lost")]
    assert not rabbit.broker.busy()
    assert rabbit.broker.unread() == [("mail", [m for _, m in rabbit.broker.waiting()])]
    survivor = rabbit.node("w2")
    assert rabbit.take_all(survivor) == ["0", "1", "2"]


def test_closing_in_good_order_gives_back_too(rabbit: Any) -> None:
    rabbit.queue()
    worker = rabbit.node("w1")
    rabbit.send("0")
    worker.close()
    worker.close()
    assert rabbit.happened()[-1] == ("Requeued", 1, "channel closed")
    with pytest.raises(ChannelClosed, match="504 CHANNEL_ERROR - the channel is closed"):
        worker.ack(1)
    worker.connection.close()
    worker.connection.close()
    assert rabbit.bodies() == ["0"]


def test_recover_gives_back_all_that_a_channel_holds(rabbit: Any) -> None:
    rabbit.queue()
    worker = rabbit.node("w1", prefetch=2)
    rabbit.send("0", "1", "2")
    assert rabbit.take(worker).tag == 1
    worker.recover(requeue=True)
    assert [rabbit.take(worker).tag, rabbit.take(worker).tag] == [3, 4]
    assert ("Requeued", 2, "recovered") in rabbit.happened()


def test_recover_without_requeue_is_not_implemented_and_ends_the_connection(rabbit: Any) -> None:
    worker = rabbit.channel("w1")
    with pytest.raises(ChannelClosed, match="540 NOT_IMPLEMENTED - requeue=false"):
        worker.recover(requeue=False)
    assert not worker.connection.alive


def test_acknowledging_several_at_once(rabbit: Any) -> None:
    rabbit.queue()
    worker = rabbit.node("w1")
    rabbit.send("0", "1", "2", "3")
    worker.ack(2, multiple=True)
    assert sorted(worker.unacked) == [3, 4]
    worker.ack(0, multiple=True)
    assert worker.unacked == {}
    assert not rabbit.broker.busy()


@pytest.mark.parametrize("multiple", [False, True])
def test_an_unknown_tag_closes_the_channel_and_the_client_learns_it_later(rabbit: Any, multiple: bool) -> None:
    rabbit.queue()
    worker = rabbit.node("w1")
    rabbit.send("0", "1")
    worker.ack(1)
    worker.ack(1, multiple=multiple)
    assert worker.closed
    assert worker.connection.ready()
    with pytest.raises(ChannelClosed, match="406 PRECONDITION_FAILED - unknown delivery tag 1"):
        worker.connection.take()
    assert worker.connection.take() is None
    assert worker.connection.alive
    assert rabbit.happened()[-1] == ("Requeued", 2, "channel closed")


def test_the_next_operation_on_a_channel_that_was_closed_tells_why(rabbit: Any) -> None:
    worker = rabbit.channel("w1")
    worker.reject(7, requeue=False)
    with pytest.raises(ChannelClosed, match="406 PRECONDITION_FAILED - unknown delivery tag 7"):
        worker.qos(1, is_global=True)
    assert worker.connection.take() is None


def test_publishing_to_no_exchange_closes_the_channel_afterwards(rabbit: Any) -> None:
    rabbit.send("0", exchange="nowhere")
    with pytest.raises(ChannelClosed, match="404 NOT_FOUND - no exchange 'nowhere' in vhost '/'"):
        rabbit.send("1")


def test_a_deleted_queue_gets_nothing_back(rabbit: Any) -> None:
    rabbit.queue()
    holder = rabbit.channel("w1")
    rabbit.send("0", "1", "2")
    holder.get("mail")
    holder.get("mail")
    assert rabbit.publisher.queue_delete("mail") == 1
    holder.ack(1)
    holder.connection.drop()
    assert rabbit.happened()[-3:] == [
        ("Dropped", 3, "queue deleted"),
        ("Acked", 1, "w1"),
        ("Dropped", 2, "queue deleted"),
    ]


def test_purging_drops_what_is_ready(rabbit: Any) -> None:
    rabbit.queue()
    rabbit.send("0", "1")
    rabbit.publisher.get("mail")
    assert rabbit.publisher.queue_purge("mail") == 1
    assert rabbit.happened()[-1] == ("Dropped", 2, "purged")


# --- quorum queues ------------------------------------------------------------------------------------------


def test_a_quorum_queue_without_a_limit_puts_rejected_messages_at_its_back(rabbit: Any) -> None:
    rabbit.queue(queue_type="quorum")
    rabbit.send("0", "1", "2")
    holder = rabbit.channel("w1")
    holder.reject(holder.get("mail").tag, requeue=True)
    got = [holder.get("mail") for _ in range(3)]
    assert [(d.message.body, d.message.headers) for d in got] == [
        (b"1", {"x-delivery-count": 0}),
        (b"2", {"x-delivery-count": 0}),
        (b"0", {"x-delivery-count": 1}),
    ]
    holder.close()
    assert rabbit.bodies() == ["1", "2", "0"]


def test_a_delivery_limit_gives_a_message_up_when_it_came_back_once_more(rabbit: Any) -> None:
    rabbit.queue("dead")
    rabbit.queue(queue_type="quorum", delivery_limit=1, dead_letter_exchange="", dead_letter_routing_key="dead")
    rabbit.send("0", "1")
    holder = rabbit.channel("w1")
    holder.reject(holder.get("mail").tag, requeue=True)
    assert rabbit.bodies() == ["0", "1"]
    holder.reject(holder.get("mail").tag, requeue=True)
    assert rabbit.happened()[-1] == ("Dropped", 1, "delivery limit")
    [death] = holder.get("dead").message.headers["x-death"]
    assert (death["reason"], death["queue"], death["count"]) == ("delivery_limit", "mail", 1)


def test_rabbitmq_4_limits_quorum_queues_by_itself(make_world: Any) -> None:
    world = make_world(RabbitMQ(version=(4, 0)))
    world.queue(queue_type="quorum")
    world.send("0")
    holder = world.channel("w1")
    for _ in range(21):
        holder.reject(holder.get("mail").tag, requeue=True)
    assert world.happened()[-1] == ("Dropped", 1, "delivery limit")


def test_a_quorum_queue_knows_no_prefetch_per_channel(rabbit: Any) -> None:
    rabbit.queue(queue_type="quorum")
    worker = rabbit.channel("w1", prefetch=4)
    with pytest.raises(ChannelClosed, match="540 NOT_IMPLEMENTED - queue 'mail' in vhost '/' does not support global"):
        worker.consume("mail", "c")
    assert not worker.connection.alive


def test_rabbitmq_4_3_refuses_a_prefetch_per_channel(make_world: Any) -> None:
    world = make_world(RabbitMQ(version=(4, 3)))
    with pytest.raises(ChannelClosed, match="541 INTERNAL_ERROR - Feature `global_qos` is deprecated"):
        world.channel("w1", prefetch=4)


# --- consumer timeout ---------------------------------------------------------------------------------------


def test_a_delivery_that_is_held_too_long_closes_the_channel_at_the_next_look(rabbit: Any) -> None:
    rabbit.queue()
    worker = rabbit.node("w1", prefetch=1)
    rabbit.advance(10)
    rabbit.send("0")
    rabbit.take(worker)
    rabbit.advance(1849)
    assert not worker.closed
    rabbit.advance(1)
    assert worker.closed
    with pytest.raises(
        ChannelClosed, match=r"delivery acknowledgement on channel 1 timed out\. Timeout value used: 1800000"
    ):
        worker.connection.take()
    assert rabbit.happened()[-1] == ("Requeued", 1, "channel closed")
    assert rabbit.trace[-1].at == 1_860_000_000


def test_the_timeout_counts_for_each_delivery_anew(rabbit: Any) -> None:
    rabbit.queue()
    worker = rabbit.node("w1", prefetch=1)
    rabbit.send("0", "1")
    rabbit.advance(1799)
    worker.ack(1)
    rabbit.advance(1799)
    assert not worker.closed
    worker.ack(2)
    rabbit.advance(7200)
    assert not worker.closed
    assert rabbit.scheduler.next_moment() is None


def test_a_channel_that_is_closed_in_time_and_one_without_a_timeout_are_left_alone(make_world: Any) -> None:
    world = make_world(RabbitMQ(consumer_timeout=None))
    world.queue()
    worker = world.node("w1")
    world.send("0")
    world.advance(86_400)
    assert not worker.closed
    other = make_world(RabbitMQ(consumer_timeout=60))
    other.queue()
    other.send("0")
    other.node("w1").connection.drop()
    assert other.scheduler.next_moment() is None
