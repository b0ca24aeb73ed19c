"""What tasks do with Django's cache."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest
from django.core.cache import cache
from django.core.cache.backends.base import BaseCache
from django.core.cache.backends.db import DatabaseCache
from django.core.cache.backends.dummy import DummyCache
from django.core.cache.backends.filebased import FileBasedCache
from django.core.cache.backends.locmem import LocMemCache
from django.core.cache.backends.redis import RedisCache
from django.db import OperationalError
from redis.exceptions import ConnectionError as RedisConnectionError

from coldframe import Bench
from coldframe._effects.django_cache import failures_of

sys.path.insert(0, str(Path(__file__).parent))

from effects import answer, error_of, kill, run, state_of, touched
from shop import app


@pytest.fixture(autouse=True)
def empty():
    cache.clear()
    yield
    cache.clear()


def writes():
    cache.set("a", 1, timeout=60)
    cache.add("b", {"x": 2})
    cache.incr("a")
    cache.decr("a", 5)
    cache.touch("a", 30)
    cache.set_many({"c": 3, "d": 4})
    cache.delete_many(["c", "d"])
    cache.incr_version("b")
    cache.delete("a")
    cache.clear()


def whats(bench):
    return [event.what for event in touched(bench, "cache.write")]


def test_each_write_is_an_effect():
    bench = run(writes)
    assert error_of(bench) is None
    assert whats(bench) == [
        "set a",
        "add b",
        "incr a",
        "decr a",
        "touch a",
        "set_many c d",
        "delete_many c d",
        "incr_version b",
        "delete a",
        "clear",
    ]
    first, second = touched(bench, "cache.write")[:2]
    assert first.details == {"operation": "set", "backend": "LocMemCache", "key": "a", "value": 1, "timeout": 60}
    assert second.details == {"operation": "add", "backend": "LocMemCache", "key": "b", "value": {"x": 2}}
    assert (first.failures, first.outcome) == (("connection lost",), "done")
    assert first.where.startswith("checks/check_cache_effects.py:")


def test_awaited_writes_are_effects():
    def task():
        async def write():
            await cache.aset("a", 1)
            assert await cache.aget("a") == 1
            await cache.aadd("b", 2)
            await cache.aset_many({"c": 3})
            return await cache.aget_or_set("d", lambda: 4)

        assert asyncio.run(write()) == 4

    bench = run(task)
    assert error_of(bench) is None
    assert whats(bench) == ["set a", "add b", "set_many c", "add d"]


def test_get_or_set_is_the_write_that_it_makes():
    def task():
        assert cache.get_or_set("a", lambda: cache.get_or_set("b", 2) + 1) == 3
        assert cache.get_or_set("a", 9) == 3

    bench = run(task)
    assert (error_of(bench), whats(bench)) == (None, ["add b", "add a"])


def test_reads_are_told_once():
    seen = []

    def task():
        cache.get("a")
        cache.get_many(["a", "b"])
        return "a" in cache

    def listen(bench):
        bench._now_open.gate.before.append(lambda touch: seen.append(f"{touch.effect} {touch.resource}"))

    run(task, listen)
    assert [line for line in seen if "cache" in line] == [
        "read cache :1:a",
        "read cache :1:a :1:b",
        "read cache :1:a",
    ]


def test_a_write_names_what_a_read_names():
    seen = []

    def task():
        cache.set("a", 1, version=2)
        cache.get("a", version=2)

    run(task, lambda bench: bench._now_open.gate.before.append(lambda touch: seen.append(touch.resource)))
    assert [resource for resource in seen if "cache" in resource] == ["cache :2:a"] * 2


def test_a_lost_connection_is_raised_and_nothing_written():
    def task():
        cache.set("a", 1)

    bench = run(task, answer("cache.write", "connection lost"))
    assert isinstance(error_of(bench), ConnectionError)
    assert [event.outcome for event in touched(bench, "cache.write")] == ["failed"]
    assert cache.get("a") is None


@pytest.mark.parametrize(("place", "value"), [("before", None), ("after", 1)])
def test_a_process_that_dies_there_has_written_or_not(place, value):
    def task():
        cache.set("a", 1, timeout=None)

    assert state_of(run(task, kill(place, "cache.write"))) == "LOST"
    assert cache.get("a") == value


def test_each_backend_fails_as_its_client_does(tmp_path):
    def kinds(backend):
        return {name: type(make()) for name, make in failures_of(backend).items()}

    assert kinds(RedisCache("redis://cache.internal", {}))["connection lost"] is RedisConnectionError
    assert kinds(FileBasedCache(str(tmp_path), {})) == {"disk full": OSError}
    assert kinds(DatabaseCache("table", {})) == {"connection lost": OperationalError}
    assert kinds(DummyCache("", {})) == kinds(LocMemCache("", {})) == {"connection lost": ConnectionError}


def test_a_backend_of_the_project_is_watched_when_it_is_made():
    def task():
        class Own(LocMemCache):
            def set(self, key, value, *args, **kwargs):
                super().set(key, value, *args, **kwargs)

        Own("own", {}).set("a", 1)

    bench = run(task)
    assert [event.details["backend"] for event in touched(bench, "cache.write")] == ["Own"]


def test_outside_of_tasks_nothing_is_recorded_and_all_is_put_back():
    def state():
        return [vars(kind).get(name) for kind in (BaseCache, LocMemCache) for name in ("set", "get", "aset")]

    before, hook = state(), vars(BaseCache).get("__init_subclass__")
    with Bench(app) as bench:
        cache.set("a", 1)
        assert cache.get("a") == 1
        assert state() != before
    assert (state(), vars(BaseCache).get("__init_subclass__")) == (before, hook)
    assert touched(bench, "cache.write") == []


def test_a_cache_on_redis_is_on_the_server_in_memory():
    backend = RedisCache("redis://cache.internal:6379/1", {})

    def task():
        backend.set("a", {"x": 1}, timeout=60)
        assert backend.get("a") == {"x": 1}
        assert backend.get_or_set("n", 5) == 5
        assert backend.incr("n") == 6
        backend.set_many({"b": 2, "c": 3})
        backend.delete_many(["b"])
        assert backend.get_many(["a", "b", "c"]) == {"a": {"x": 1}, "c": 3}
        backend.touch("c", 10)
        backend.clear()

    bench = run(task)
    assert error_of(bench) is None
    assert whats(bench) == ["set a", "add n", "incr n", "set_many b c", "delete_many b", "touch c", "clear"]
    assert touched(bench, "redis.write") == []
    assert touched(bench, "cache.write")[0].failures == ("connection lost", "timeout")
