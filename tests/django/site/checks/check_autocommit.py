"""Where nothing wraps the test in a transaction, tasks commit for real."""

from __future__ import annotations

import pytest
from django.db import connection, transaction
from django.test import TransactionTestCase
from shop import app
from shop.models import Note, Order
from shop.tasks import note, ship, ship_and_fail, slow, twice

from coldframe import Bench
from coldframe.trace import TransactionEnded

pytestmark = pytest.mark.django_db(transaction=True)


def texts():
    return sorted(Note.objects.values_list("text", flat=True))


def is_clean():
    return not (connection.in_atomic_block or connection.savepoint_ids or connection.atomic_blocks)


def test_callbacks_run_at_the_real_commit():
    calls = []
    with Bench(app) as bench:
        with transaction.atomic():
            transaction.on_commit(lambda: calls.append(connection.in_atomic_block))
            note.delay_on_commit("on commit")
            note.delay("early")
            assert calls == []
            assert [message.transaction for message in bench.queued()] == ["open"]
        assert calls == [False]
        assert [message.transaction for message in bench.queued()] == ["committed", "none"]
        transaction.on_commit(lambda: calls.append("at once"))
        assert calls == [False, "at once"]
        bench.drain()
    assert texts() == ["early", "on commit"]


def test_a_rollback_is_seen():
    with Bench(app) as bench:
        with pytest.raises(RuntimeError, match="no"), transaction.atomic():
            note.delay("early")
            note.delay_on_commit("never")
            raise RuntimeError("no")
        assert [message.transaction for message in bench.queued()] == ["rolled back"]
        bench.drain()
        assert texts() == ["early"]


def test_a_callback_that_fails_does_not_undo_the_commit():
    def fails():
        raise RuntimeError("in the callback")

    with Bench(app) as bench:
        with pytest.raises(RuntimeError, match="in the callback"), transaction.atomic():
            Order.objects.create(number=1)
            note.delay("sent")
            transaction.on_commit(fails)
        assert [message.transaction for message in bench.queued()] == ["committed"]
        bench.drain()
    assert Order.objects.count() == 1


def test_tasks_commit_and_roll_back_for_real():
    Order.objects.create(number=1)
    with Bench(app) as bench:
        bench.expect_failure(RuntimeError)
        ship_and_fail.delay(1)
        bench.drain()
        assert Order.objects.get().state == "new"
        ship.delay(1)
        bench.drain()
        ended = [event.committed for event in bench.trace if isinstance(event, TransactionEnded)]
        assert ended == [False, True]
    assert Order.objects.get().state == "shipped"
    assert texts() == ["shipped 1", "shipping 1", "too early"]
    assert is_clean()


def test_a_task_inside_the_tests_open_transaction_commits_on_its_own():
    Order.objects.create(number=1)
    with Bench(app) as bench:
        with transaction.atomic():
            ship.delay(1).get()
            bench.settle()
            assert texts() == ["shipped 1", "shipping 1"]
            transaction.set_rollback(True)
        assert texts() == []
        assert is_clean()


def test_tasks_take_turns():
    with Bench(app, failures="collect") as bench:
        slow.delay("a", fail=True)
        bench.settle()
        slow.delay("b", kind={"durable": True})
        bench.drain()
    assert texts() == ["b begins", "b ends"]
    assert is_clean()


def test_a_killed_process_is_rolled_back_for_real():
    with Bench(app, failures="collect") as bench:
        slow.delay("a")
        bench.advance(seconds=3)
        assert texts() == ["a begins"]
        bench.kill_process("celery")
        assert texts() == []
        assert is_clean()
        assert connection.get_autocommit() is True
        Order.objects.create(number=1)
        slow.delay("b")
        bench.advance(seconds=3)
    assert texts() == []
    assert is_clean()
    assert Order.objects.count() == 1


def test_a_task_survives_an_error():
    with Bench(app):
        assert twice.delay(4).get() == 1


class RealCommitsTest(TransactionTestCase):
    def setUp(self):
        self.bench = self.enterContext(Bench(app))

    def test_the_first_one_leaves_data_behind(self):
        note.delay("x").get()
        assert texts() == ["x"]

    def test_the_second_one_finds_none(self):
        assert texts() == []
        with transaction.atomic():
            note.delay_on_commit("y")
            self.bench.assert_not_queued("note")
        self.bench.drain()
        assert texts() == ["y"]
