"""Two processes on one database, each with its own connection."""

from __future__ import annotations

import pytest
from django.db import connection, transaction
from till import app
from till.models import Account
from till.tasks import move, pay_as_read, pay_if_enough, pay_under_lock

from coldframe import Bench
from coldframe.errors import NeverReady
from coldframe.trace import Finished, Touched

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def key():
    return Account.objects.create().pk


@pytest.fixture
def bench():
    with Bench(app, connections="own", failures="collect") as bench:
        for name in ("north", "south"):
            bench.node(name, concurrency=1, prefetch_multiplier=1)
        yield bench


def balance(key):
    return Account.objects.get(pk=key).balance


def when(bench, effect):
    return [
        ((event.at - bench.trace[0].at) / 1e6, event.by)
        for event in bench.trace
        if isinstance(event, Touched) and event.effect == effect
    ]


def outcomes(bench):
    return [event.state for event in bench.trace if isinstance(event, Finished)]


def kill_once(bench, place, effect):
    left = [1]

    def watch(touch):
        if touch.effect == effect and left:
            left.pop()
            touch.process.child.die(-9)

    getattr(bench._now_open.gate, place).append(watch)


def test_what_both_have_read_one_of_them_overwrites(bench, key):
    pay_as_read.delay(key)
    pay_as_read.delay(key)
    bench.drain()
    assert when(bench, "sql.commit") == [(10.0, "north/1"), (10.0, "south/1")]
    assert balance(key) == 70


def test_a_lock_makes_one_wait_for_the_other(bench, key):
    pay_under_lock.delay(key)
    pay_under_lock.delay(key)
    bench.drain()
    assert when(bench, "sql.commit") == [(10.0, "north/1"), (20.0, "south/1")]
    assert balance(key) == 40


def test_a_conditional_update_sees_what_the_other_committed(bench, key):
    results = [pay_if_enough.delay(key), pay_if_enough.delay(key)]
    bench.drain()
    assert [result.get() for result in results] == [1, 0]
    assert when(bench, "sql.commit") == [(11.0, "north/1"), (21.0, "south/1")]
    assert balance(key) == 40


@pytest.mark.parametrize(
    ("place", "effect", "left"), [("after", "sql.write", 70), ("before", "sql.commit", 70), ("after", "sql.commit", 40)]
)
def test_who_waits_goes_on_when_the_other_dies(bench, key, place, effect, left):
    kill_once(bench, place, effect)
    pay_under_lock.delay(key)
    pay_under_lock.delay(key)
    bench.drain()
    assert outcomes(bench) == ["LOST", "SUCCESS"]
    assert balance(key) == left


def test_who_dies_while_waiting_holds_nobody_up(bench, key):
    bench.node("west", concurrency=1, prefetch_multiplier=1)
    for _ in range(3):
        pay_under_lock.delay(key)
    bench.advance(seconds=5)
    bench.kill_process("south")
    bench.drain()
    assert when(bench, "sql.commit") == [(10.0, "north/1"), (20.0, "west/1")]
    assert balance(key) == 40


def test_a_circle_of_locks_ends_with_the_one_who_closes_it(bench, key):
    if connection.vendor == "sqlite":
        pytest.skip("a file of SQLite has one lock")
    other = Account.objects.create().pk
    move.delay(key, other, 5)
    move.delay(other, key, 6)
    bench.drain()
    assert outcomes(bench) == ["FAILURE", "SUCCESS"]
    (error,) = [event.exception for event in bench.trace if isinstance(event, Finished) and event.exception]
    assert "deadlock detected" in str(error)
    assert (balance(key), balance(other)) == (99, 101)


def test_a_lock_that_the_test_holds_is_told(bench, key):
    with transaction.atomic():
        Account.objects.update(balance=1)
        pay_under_lock.delay(key)
        with pytest.raises(NeverReady, match="waits for a lock in the database that the test holds"):
            bench.drain()
    bench.drain()
    assert balance(key) == -29
