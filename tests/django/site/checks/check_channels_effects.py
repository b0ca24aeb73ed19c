"""What tasks send through Django Channels."""

from __future__ import annotations

import asyncio
import contextvars
import sys
from pathlib import Path

import pytest
from asgiref.sync import AsyncToSync, SyncToAsync, async_to_sync, sync_to_async
from channels.exceptions import ChannelFull
from channels.layers import InMemoryChannelLayer
from django.utils import timezone
from django.utils.module_loading import import_string
from redis.exceptions import ConnectionError as RedisConnectionError

from coldframe import Bench

sys.path.insert(0, str(Path(__file__).parent))

from effects import answer, error_of, kill, run, state_of, touched
from shop import app
from shop.models import Note

MESSAGE = {"type": "order.shipped", "number": 7}
variable = contextvars.ContextVar("variable", default="nothing")


@pytest.fixture
def layer():
    """A layer with a consumer in one group."""
    made = InMemoryChannelLayer()
    made.groups["staff"] = {"one": None}
    return made


def queued(layer):
    return {name: queue.qsize() for name, queue in layer.channels.items()}


def test_a_group_send_is_an_effect(layer):
    def task():
        async_to_sync(layer.group_send)("staff", MESSAGE)

    bench = run(task)
    (event,) = touched(bench, "channels.send")
    assert (event.what, event.outcome) == ("order.shipped to group staff", "done")
    assert event.details == {"group": "staff", "message": MESSAGE}
    assert event.where.startswith("checks/check_channels_effects.py:")
    assert error_of(bench) is None
    assert queued(layer) == {"one": 1}


def test_a_send_in_a_coroutine_is_an_effect(layer):
    def task():
        asyncio.run(layer.send("one", MESSAGE))

    (event,) = touched(run(task), "channels.send")
    assert (event.what, event.details) == ("order.shipped to channel one", {"channel": "one", "message": MESSAGE})


@pytest.mark.parametrize(("failure", "kind"), [("connection lost", RedisConnectionError), ("full", ChannelFull)])
def test_a_send_fails_as_in_life(layer, failure, kind):
    def task():
        async_to_sync(layer.send)("one", MESSAGE)

    assert type(error_of(run(task, answer("channels.send", failure)))) is kind
    assert queued(layer) == {}


def test_a_group_is_never_full_for_its_sender(layer):
    def task():
        async_to_sync(layer.group_send)("staff", MESSAGE)

    assert touched(run(task), "channels.send")[0].failures == ("connection lost",)


@pytest.mark.parametrize(("place", "expected"), [("before", {}), ("after", {"one": 1})])
def test_a_process_that_dies_there_has_sent_or_not(layer, place, expected):
    def task():
        async_to_sync(layer.group_send)("staff", MESSAGE)

    assert state_of(run(task, kill(place, "channels.send"))) == "LOST"
    assert queued(layer) == expected


def test_outside_of_tasks_nothing_is_recorded_and_all_is_put_back(layer):
    def state():
        return [vars(InMemoryChannelLayer)["group_send"], AsyncToSync.__call__, SyncToAsync.__call__]

    before = state()
    with Bench(app) as bench:
        async_to_sync(layer.group_send)("staff", MESSAGE)
        assert state() != before
    assert (state(), touched(bench, "channels.send"), queued(layer)) == (before, [], {"one": 1})


# --- asgiref in tasks ------------------------------------------------------------------------------------------


def test_what_async_to_sync_awaits_is_in_virtual_time():
    async def wait():
        await asyncio.sleep(3600)
        variable.set("set")
        return timezone.now()

    def task():
        began = timezone.now()
        assert (async_to_sync(wait)() - began).total_seconds() == 3600
        assert variable.get() == "set"

    assert error_of(run(task)) is None


def test_what_async_to_sync_awaits_may_fail():
    async def fail():
        raise LookupError("nobody")

    def task():
        async_to_sync(fail)()

    assert repr(error_of(run(task))) == "LookupError('nobody')"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("way", [async_to_sync, lambda function: lambda: asyncio.run(function())])
def test_the_database_is_the_tasks_own_in_a_coroutine(way):
    async def inner():
        await Note.objects.acreate(text="c")

    async def write():
        await Note.objects.acreate(text="a")
        await sync_to_async(Note.objects.create)(text="b")
        await sync_to_async(async_to_sync(inner))()
        return await Note.objects.acount()

    def task():
        assert way(write)() == 3

    bench = run(task)
    assert error_of(bench) is None
    assert [event.what for event in touched(bench, "sql.write")] == ["INSERT shop_note"] * 3


@pytest.mark.parametrize("name", ["core.RedisChannelLayer", "pubsub.RedisPubSubChannelLayer"])
def test_a_layer_on_redis_is_on_the_server_in_memory(name):
    layer = import_string(f"channels_redis.{name}")(hosts=["redis://layer.internal:6379/0"])

    async def talk():
        channel = await layer.new_channel()
        await layer.group_add("staff", channel)
        await layer.group_send("staff", MESSAGE)
        async with asyncio.timeout(60):
            return await layer.receive(channel)

    def task():
        assert asyncio.run(talk()) == MESSAGE

    bench = run(task)
    assert error_of(bench) is None
    assert [event.what for event in touched(bench, "channels.send")] == ["order.shipped to group staff"]
