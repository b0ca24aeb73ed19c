"""Tasks that run at the same time share one connection, and take turns in transactions."""

from __future__ import annotations

import threading
import time
from datetime import timedelta

import pytest
from django.db import connection, connections, transaction
from shop import app
from shop.models import Note, Order
from shop.tasks import closes, crossed, dies, leaves_open, locks, locks_in_block, note, sends, slow, twice, waits_inside

from coldframe import Bench

pytestmark = pytest.mark.django_db(databases=["default", "archive"])


def texts(using="default"):
    return list(Note.objects.using(using).order_by("pk").values_list("text", flat=True))


def is_clean():
    return all(
        not block.savepoint_ids and not block.needs_rollback and len(block.atomic_blocks) == 1
        for block in connections.all(initialized_only=True)
    )


@pytest.mark.parametrize("seed", range(4))
def test_two_transactions_of_tasks_follow_each_other(seed):
    with Bench(app, seed=seed) as bench:
        before = bench.now
        slow.delay("a")
        slow.delay("b")
        bench.drain()
        assert bench.now - before >= timedelta(seconds=20)
        assert texts() in (
            ["a begins", "a ends", "b begins", "b ends"],
            ["b begins", "b ends", "a begins", "a ends"],
        )
        assert is_clean()


@pytest.mark.parametrize("kind", [{"durable": True}, {"savepoint": False}])
def test_a_rollback_takes_nothing_of_the_others_with_it(kind):
    with Bench(app, failures="collect") as bench:
        slow.delay("a", fail=True, kind=kind)
        bench.settle()
        slow.delay("b", kind=kind)
        note.delay("c")
        bench.drain()
        assert texts() in (["b begins", "b ends", "c"], ["c", "b begins", "b ends"])
        assert [run.state for run in bench.runs("slow")] == ["FAILURE", "SUCCESS"]
        assert is_clean()


def test_transactions_in_different_databases_do_not_wait_for_each_other():
    with Bench(app) as bench:
        before = bench.now
        results = [slow.delay("a"), slow.delay("b", using="archive")]
        for result in results:
            result.get()
        assert bench.now - before < timedelta(seconds=11)
        assert texts("archive") == ["b begins", "b ends"]


def test_tasks_that_wait_for_each_other_both_come_to_an_end():
    with Bench(app) as bench:
        crossed.delay("default", "archive")
        crossed.delay("archive", "default")
        tally = bench.drain()
        assert tally.succeeded == 2
        assert sorted(texts() + texts("archive")) == [
            "archive first",
            "archive second",
            "default first",
            "default second",
        ]
        assert is_clean()


def test_a_task_that_waits_for_another_inside_its_transaction_lets_it_in():
    with Bench(app) as bench:
        waits_inside.delay("inner").get()
        bench.drain()
        assert texts() == ["inner begins", "inner ends"]
        assert is_clean()


def test_the_test_may_read_at_any_time_and_waits_to_write():
    with Bench(app) as bench:
        before = bench.now
        slow.delay("a", seconds=10, fail=True)
        bench.expect_failure(RuntimeError)
        bench.advance(seconds=5)
        assert texts() == ["a begins"]
        assert bench.now - before == timedelta(seconds=5)
        Order.objects.create(number=1)
        assert bench.now - before == timedelta(seconds=10)
        bench.drain()
        assert texts() == []
        assert Order.objects.count() == 1


def test_the_tests_block_waits_for_what_began_inside_it():
    with Bench(app) as bench:
        before = bench.now
        with transaction.atomic():
            note.delay("by the way")
            slow.delay("a")
            bench.settle()
        assert bench.now - before == timedelta(seconds=10)
        bench.drain()
        assert texts() == ["by the way", "a begins", "a ends"] or texts() == ["a begins", "by the way", "a ends"]
        assert is_clean()


def test_a_test_that_fails_inside_its_block_waits_for_nobody():
    with Bench(app, failures="collect") as bench:
        before = bench.now
        with pytest.raises(RuntimeError, match="the test failed"), transaction.atomic():
            slow.delay("a")
            bench.settle()
            raise RuntimeError("the test failed")
        assert bench.now == before
        assert texts() == []
        assert is_clean()
        bench.drain()
        assert "rolled back, and the task's block with it" in str(bench.runs("slow")[0].exception)
        assert texts() == []
        assert is_clean()


def test_a_killed_pool_process_takes_its_transaction_with_it():
    with Bench(app, failures="collect") as bench:
        transaction.on_commit(lambda: None)
        slow.delay("a")
        bench.advance(seconds=3)
        slow.delay("b")
        bench.settle()
        assert texts() == ["a begins"]
        bench.kill_process("celery")
        assert texts() == []
        bench.drain()
        assert texts() == ["b begins", "b ends"]
        assert is_clean()


def test_a_process_that_ends_itself_takes_its_transaction_with_it():
    with Bench(app, failures="collect") as bench:
        dies.delay(1)
        bench.drain()
        assert bench.runs("dies")[0].state == "LOST"
        assert not Order.objects.exists()
        assert texts() == []
        assert is_clean()
        note.delay("next").get()


def test_a_hard_time_limit_rolls_back():
    with Bench(app, failures="collect") as bench:
        slow.apply_async(["a"], time_limit=5)
        bench.drain()
        assert "TimeLimitExceeded" in repr(bench.runs("slow")[0].exception)
        assert texts() == []
        assert is_clean()


def test_what_a_killed_process_sent_is_known_to_be_rolled_back():
    with Bench(app, failures="collect") as bench:
        bench.node("one", queues=["one"])
        bench.node("two", queues=["two"])
        sends.apply_async(queue="one")
        bench.advance(seconds=1)
        assert bench.queued("note", queue="two")[0].transaction == "open"
        bench.kill("one")
        assert bench.queued("note", queue="two")[0].transaction == "rolled back"


def test_a_lock_outside_a_transaction_is_refused_where_the_database_has_locks():
    Order.objects.create(number=1)
    with Bench(app, failures="collect") as bench:
        assert locks_in_block.delay(1).get() == "new"
        locks.delay(1)
        bench.drain()
        refused = "select_for_update" in repr(bench.runs("shop.tasks.locks")[0].exception)
        assert refused is connection.features.has_select_for_update


def test_a_killed_node_takes_its_transactions_with_it():
    with Bench(app, failures="collect") as bench:
        bench.node("one")
        slow.apply_async(["a"], {"kind": {"savepoint": False}})
        slow.delay("b", using="archive")
        bench.advance(seconds=3)
        bench.kill("one")
        assert texts() == texts("archive") == []
        assert is_clean()
        bench.node("two")
        note.delay("next").get()
        assert texts() == ["next"]


def test_a_process_that_is_killed_while_it_waits_is_forgotten():
    with Bench(app, failures="collect") as bench:
        bench.node("one", queues=["one"])
        bench.node("two", queues=["two"])
        slow.apply_async(["a"], queue="one")
        bench.settle()
        slow.apply_async(["b"], queue="two")
        bench.advance(seconds=3)
        bench.kill("two")
        bench.drain()
        assert texts() == ["a begins", "a ends"]
        assert is_clean()


def test_a_soft_time_limit_reaches_a_task_that_waits_for_its_turn():
    with Bench(app, failures="collect") as bench:
        slow.delay("a", seconds=60)
        bench.settle()
        slow.apply_async(["b"], soft_time_limit=5)
        bench.advance(seconds=6)
        (failed,) = [run for run in bench.runs("slow") if run.state == "FAILURE"]
        assert "SoftTimeLimitExceeded" in repr(failed.exception)
        bench.drain()
        assert texts() == ["a begins", "a ends"]


def test_the_same_seed_gives_the_same_order():
    told = []
    for _ in range(2):
        with Bench(app, seed=5) as bench:
            for name in "abcd":
                slow.delay(name)
            bench.drain()
            told.append(bench.timeline())
    assert told[0] == told[1]


def test_another_thread_has_connections_of_its_own():
    calls = []

    def in_thread():
        with transaction.atomic():
            transaction.on_commit(lambda: calls.append("committed"))
        connection.close()

    with Bench(app) as bench:
        slow.delay("a")
        bench.advance(seconds=2)
        thread = threading.Thread(target=in_thread)
        thread.start()
        thread.join()
        assert calls == ["committed"]
        bench.drain()
        assert texts() == ["a begins", "a ends"]


def test_a_bench_that_closes_early_rolls_back_what_is_not_committed():
    with Bench(app):
        slow.delay("a")
        time.sleep(3)  # noqa: TID251 - virtual
        assert texts() == ["a begins"]
    assert texts() == []
    assert is_clean()


def test_a_task_survives_an_error_that_its_own_connection_would_survive():
    with Bench(app):
        assert twice.delay(4).get() == 1
        assert connection.needs_rollback is False
        assert Order.objects.count() == 1


def test_a_block_that_a_task_forgot_to_leave_is_rolled_back():
    with Bench(app) as bench:
        leaves_open.delay("forgotten").get()
        bench.settle()
        assert texts() == []
        assert is_clean()


def test_a_task_may_close_its_connections():
    Note.objects.create(text="by the test")
    raw = connection.connection
    with Bench(app):
        assert closes.delay().get() == 1
        assert closes.delay().get() == 1
    assert connection.connection is raw
    assert texts() == ["by the test"]
