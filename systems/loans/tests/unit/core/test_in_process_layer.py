"""The channel layer of one process: any thread reaches any loop, nothing is lost in silence, nothing stays behind."""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from channels.exceptions import ChannelFull

from core.in_process_layer import InProcessChannelLayer

pytestmark = [pytest.mark.unit, pytest.mark.asyncio]


def number(value: int) -> dict[str, Any]:
    return {"type": "number", "value": value}


def in_a_thread(coroutine: Any) -> None:
    """Run it in a loop of its own, in a thread of its own, while this thread stands still."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, coroutine).result()


async def a_receiver(layer: InProcessChannelLayer, channel: str) -> asyncio.Task[Any]:
    """A task that waits for the next message."""
    task = asyncio.create_task(layer.receive(channel))
    while channel not in layer.channels:
        await asyncio.sleep(0)
    return task


async def test_a_message_from_another_thread_wakes_a_loop_that_has_nothing_else_to_do() -> None:
    layer = InProcessChannelLayer()
    await layer.group_add("all", "here")
    receiver = await a_receiver(layer, "here")
    sender = asyncio.to_thread(asyncio.run, layer.group_send("all", number(1)))
    assert await asyncio.gather(receiver, sender) == [number(1), None]


async def test_all_messages_of_many_threads_arrive_once_and_in_the_order_of_each() -> None:
    layer = InProcessChannelLayer(capacity=10_000)
    await layer.group_add("all", "here")

    async def send(thread: int) -> None:
        for value in range(300):
            await layer.group_send("all", {"type": "number", "thread": thread, "value": value})

    senders = [asyncio.to_thread(asyncio.run, send(thread)) for thread in range(8)]
    sending = asyncio.gather(*senders)
    received = [await layer.receive("here") for _ in range(8 * 300)]
    await sending
    for thread in range(8):
        assert [one["value"] for one in received if one["thread"] == thread] == list(range(300))
    assert layer.channels == {}


async def test_sync_code_may_use_a_new_loop_for_each_call() -> None:
    def sync() -> Any:
        layer = InProcessChannelLayer()
        async_to_sync(layer.group_add)("all", "here")
        async_to_sync(layer.group_send)("all", number(1))
        return async_to_sync(layer.receive)("here")

    with ThreadPoolExecutor(1) as thread:
        assert thread.submit(sync).result() == number(1)


async def test_a_message_to_a_full_channel_is_refused_and_those_before_it_stay() -> None:
    layer = InProcessChannelLayer(capacity=2)
    await layer.send("here", number(1))
    await layer.send("here", number(2))
    with pytest.raises(ChannelFull, match="here"):
        await layer.send("here", number(3))
    assert [await layer.receive("here") for _ in range(2)] == [number(1), number(2)]


async def test_in_a_full_channel_the_latest_message_of_a_group_takes_the_place_of_the_oldest(
    caplog: pytest.LogCaptureFixture,
) -> None:
    layer = InProcessChannelLayer(capacity=2)
    await layer.group_add("all", "slow")
    for value in range(10):
        await layer.group_send("all", number(value))
    assert [await layer.receive("slow") for _ in range(2)] == [number(8), number(9)]
    assert [(record.levelno, record.getMessage()) for record in caplog.records] == [
        (logging.WARNING, "channel slow is full: its receiver does not keep up; dropping the oldest messages"),
        (logging.WARNING, "channel slow goes on; 8 messages to its groups were dropped"),
    ]
    caplog.clear()
    await layer.group_send("all", number(10))
    assert await layer.receive("slow") == number(10)
    assert caplog.records == []


async def test_a_slow_member_costs_the_others_nothing() -> None:
    layer = InProcessChannelLayer(capacity=2)
    await layer.group_add("all", "slow")
    await layer.group_add("all", "fast")
    received = []
    for value in range(5):
        await layer.group_send("all", number(value))
        received.append(await layer.receive("fast"))
    assert received == [number(value) for value in range(5)]


def die_while_waiting(layer: InProcessChannelLayer, channel: str) -> None:
    """Wait for a message in a loop that is closed before one comes."""
    loop = asyncio.new_event_loop()
    waiting = loop.create_task(layer.receive(channel))
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()
    waiting._log_destroy_pending = False


async def test_a_receiver_whose_loop_is_closed_is_forgotten_and_the_others_go_on() -> None:
    layer = InProcessChannelLayer()
    await layer.group_add("all", "dead")
    await layer.group_add("few", "dead")
    await layer.group_add("all", "alive")
    await asyncio.to_thread(die_while_waiting, layer, "dead")
    await layer.group_send("all", number(1))
    assert await layer.receive("alive") == number(1)
    assert layer.groups == {"all": {"alive": None}}
    assert layer.channels == {}


async def test_a_channel_with_another_receiver_outlives_a_closed_loop() -> None:
    layer = InProcessChannelLayer()
    await layer.group_add("all", "here")
    await asyncio.to_thread(die_while_waiting, layer, "here")
    receiver = asyncio.create_task(layer.receive("here"))
    await asyncio.sleep(0)
    await layer.group_send("all", number(1))
    assert await receiver == number(1)
    assert layer.groups == {"all": {"here": None}}
    assert layer.channels == {}


async def test_of_two_receivers_the_one_that_lives_gets_the_message() -> None:
    layer = InProcessChannelLayer()
    await layer.group_add("all", "here")
    first, second = await a_receiver(layer, "here"), asyncio.create_task(layer.receive("here"))
    await asyncio.sleep(0)
    await layer.group_send("all", number(1))
    first.cancel()
    assert await second == number(1)
    assert layer.channels == {}


async def test_each_message_goes_to_one_of_two_receivers() -> None:
    layer = InProcessChannelLayer()
    receivers = [asyncio.create_task(layer.receive("here")) for _ in range(2)]
    await asyncio.sleep(0)
    await layer.send("here", number(1))
    await layer.send("here", number(2))
    received = await asyncio.gather(*receivers)
    assert sorted(one["value"] for one in received) == [1, 2]


async def test_giving_up_waiting_loses_nothing_and_leaves_nothing() -> None:
    layer = InProcessChannelLayer()
    await layer.group_add("all", "here")
    receiver = await a_receiver(layer, "here")
    receiver.cancel()
    await asyncio.wait([receiver])
    assert layer.channels == {}
    await layer.group_send("all", number(1))
    assert await layer.receive("here") == number(1)


async def test_a_message_that_arrives_while_the_receiver_gives_up_is_there_for_the_next() -> None:
    layer = InProcessChannelLayer()
    receiver = await a_receiver(layer, "here")
    await layer.send("here", number(1))
    receiver.cancel()
    await asyncio.wait([receiver])
    assert await layer.receive("here") == number(1)
    assert layer.channels == {}


async def test_a_channel_that_leaves_its_last_group_leaves_nothing_behind() -> None:
    layer = InProcessChannelLayer()
    for group in ("one", "two"):
        await layer.group_add(group, "here")
        await layer.group_send(group, number(1))
    await layer.group_discard("one", "here")
    assert len(layer.channels["here"].messages) == 2
    await layer.group_discard("two", "here")
    assert (layer.groups, layer.channels) == ({}, {})
    await layer.group_discard("two", "here")  # once more does no harm


async def test_leaving_does_not_disturb_whoever_waits() -> None:
    layer = InProcessChannelLayer()
    await layer.group_add("all", "here")
    receiver = await a_receiver(layer, "here")
    await layer.group_discard("all", "here")
    await layer.send("here", number(1))
    assert await receiver == number(1)


async def test_after_a_flush_whoever_waited_goes_on_waiting() -> None:
    layer = InProcessChannelLayer()
    await layer.group_add("all", "other")
    await layer.group_send("all", number(1))
    receiver = await a_receiver(layer, "here")
    await layer.flush()
    assert "other" not in layer.channels
    assert layer.groups == {}
    await asyncio.sleep(0)
    await layer.send("here", number(2))
    assert await receiver == number(2)


async def test_each_receiver_has_a_message_of_its_own() -> None:
    layer = InProcessChannelLayer()
    await layer.group_add("all", "one")
    await layer.group_add("all", "two")
    message = {"type": "list", "values": [1]}
    await layer.group_send("all", message)
    message["values"].append(2)
    one = await layer.receive("one")
    one["values"].append(3)
    assert await layer.receive("two") == {"type": "list", "values": [1]}


async def test_names_and_messages_are_checked() -> None:
    layer = InProcessChannelLayer()
    for call in (layer.send("not a name", {}), layer.receive("not a name"), layer.group_send("not a name", {})):
        with pytest.raises(TypeError, match="name must be a valid unicode string"):
            await call
    for call in (layer.group_add("not a name", "a"), layer.group_discard("a", "not a name")):
        with pytest.raises(TypeError, match="name must be a valid unicode string"):
            await call
    with pytest.raises(TypeError, match="a message is a dict, not list"):
        await layer.send("here", [])  # type: ignore[arg-type]
