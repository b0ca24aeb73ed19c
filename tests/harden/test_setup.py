"""What the set-up of a scenario makes: each run begins with it."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
import redis
from celery import Celery

import coldframe
from coldframe import Bench, harden

WORDS = "bean", "pea"


def client(**options: Any) -> redis.Redis:
    return redis.Redis(host="cache.internal", decode_responses=True, **options)


def push() -> None:
    client().rpush("todo", *WORDS)


@pytest.fixture
def pop(app: Celery) -> Any:
    """Takes a word from a list and then sows it: who dies in between loses the word."""

    @app.task(name="shop.pop", autoretry_for=(redis.RedisError,), retry_backoff=1)
    def pop() -> None:
        while (word := client().lpop("todo")) is not None:
            with coldframe.effect("sow", str(word), key=str(word)):
                pass

    return pop


@pytest.fixture
def look(app: Celery) -> Any:
    """Sows a word, and takes it from the list when that is done."""

    @app.task(name="shop.look", autoretry_for=(redis.RedisError,), retry_backoff=1)
    def look() -> None:
        while (word := client().lindex("todo", 0)) is not None:
            with coldframe.effect("sow", str(word), key=str(word)):
                pass
            client().lrem("todo", 1, str(word))

    return look


@pytest.mark.parametrize("workers", [1, 2])
def test_each_run_begins_with_what_the_set_up_wrote_to_redis(app: Celery, pop: Any, workers: int) -> None:
    result = harden(lambda bench: pop.delay(), app=app, name="pop", setup=push, faults="kills", workers=workers)
    lost = {report.facts for report in result.reports if report.verdict == "lost"}
    assert lost == {("sow bean never happened",), ("sow pea never happened",)}
    assert {report.verdict for report in result.reports} == {"held", "lost"}


def test_a_task_that_takes_from_redis_last_holds(app: Celery, look: Any) -> None:
    result = harden(lambda bench: look.delay(), app=app, name="look", setup=push)
    assert [place.partition(" (")[0] for place in result.places if "sow" in place] == ["`sow bean`", "`sow pea`"]
    assert set(result.verdicts) == {"held"}


def test_values_of_all_kinds_and_what_time_they_have_left_are_there_in_each_run(app: Celery) -> None:
    def fill() -> None:
        first, second = client(), client(db=2)
        first.set("word", "bean", ex=60)
        first.sadd("words", *WORDS)
        first.zadd("weights", {"bean": 3, "pea": 1.5})
        second.hset("names", mapping={"bean": "Bohne"})
        second.rpush("todo", *WORDS)

    seen: list[tuple[Any, ...]] = []

    @app.task(name="shop.change")
    def change() -> None:
        first, second = client(), client(db=2)
        first.sadd("words", "leek")
        first.zrem("weights", "bean")
        second.hset("names", "bean", "haricot")
        second.rpush("todo", "leek")
        first.delete("word")

    def look_and_change(bench: Bench) -> None:
        first, second = client(), client(db=2)
        words: Any = first.smembers("words")
        here = first.get("word"), first.ttl("word"), sorted(words), first.zrange("weights", 0, -1)
        seen.append((*here, second.hgetall("names"), second.lrange("todo", 0, -1)))
        change.delay()

    harden(look_and_change, lambda bench: None, app=app, name="change", setup=fill, faults="kills")
    assert len(seen) > 3
    for run in seen:
        assert run == ("bean", 60, ["bean", "pea"], ["pea", "bean"], {"bean": "Bohne"}, ["bean", "pea"])


def test_a_run_draws_other_random_ids_than_the_set_up(app: Celery, tell: Any) -> None:
    drawn: dict[str, set[str]] = {"set-up": set(), "run": set()}

    def draw(by: str) -> None:
        drawn[by].add(str(uuid.uuid4()))

    def scenario(bench: Bench) -> None:
        draw("run")
        tell.delay("ada", key="1")

    for _ in range(2):
        harden(scenario, lambda bench: None, app=app, name="draw", setup=lambda: draw("set-up"), runs=1)
    assert [len(ids) for ids in drawn.values()] == [1, 1]
    assert drawn["set-up"].isdisjoint(drawn["run"])
