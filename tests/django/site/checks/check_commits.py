"""What a commit means inside a test whose transaction is rolled back."""

from __future__ import annotations

import pytest
from django.db import connection, transaction
from django.test import SimpleTestCase, TestCase
from shop import app
from shop.models import Note, Order
from shop.tasks import note, ship, ship_and_fail

from coldframe import Bench
from coldframe.trace import TransactionEnded

pytestmark = pytest.mark.django_db


def texts():
    return sorted(Note.objects.values_list("text", flat=True))


def in_block(calls, name, **kind):
    def run():
        with transaction.atomic(**kind):
            transaction.on_commit(lambda: calls.append(name))

    return run


def test_a_callback_runs_when_the_outermost_block_ends():
    calls = []
    with Bench(app), transaction.atomic():
        with transaction.atomic():
            transaction.on_commit(lambda: calls.append("inner"))
        transaction.on_commit(lambda: calls.append("outer"))
        assert calls == []
    assert calls == ["inner", "outer"]


def test_a_callback_outside_any_block_runs_at_once():
    calls = []
    with Bench(app):
        transaction.on_commit(lambda: calls.append("now"))
        assert calls == ["now"]
        with pytest.raises(TypeError, match="callable"):
            transaction.on_commit("no function")


@pytest.mark.parametrize("kind", [{}, {"durable": True}, {"savepoint": False}])
def test_each_kind_of_outermost_block_commits_and_rolls_back(kind):
    calls = []
    with Bench(app):
        in_block(calls, "good", **kind)()
        with pytest.raises(RuntimeError, match="bad"), transaction.atomic(**kind):
            Order.objects.create(number=1)
            transaction.on_commit(lambda: calls.append("bad"))
            raise RuntimeError("bad")
        assert calls == ["good"]
        assert not Order.objects.exists()
        assert connection.needs_rollback is False


def test_a_durable_block_inside_another_one_is_refused():
    with (
        Bench(app),
        transaction.atomic(),
        pytest.raises(RuntimeError, match="durable"),
        transaction.atomic(durable=True),
    ):
        pass


def test_an_inner_block_without_savepoint_takes_the_outer_one_with_it():
    calls = []
    with Bench(app) as bench:
        with transaction.atomic():
            transaction.on_commit(lambda: calls.append("outer"))
            with pytest.raises(RuntimeError, match="inner"), transaction.atomic(savepoint=False):
                note.delay("inner")
                raise RuntimeError("inner")
            assert bench.queued("note")[0].transaction == "open"
        assert bench.queued("note")[0].transaction == "rolled back"
        assert calls == []
        bench.drain()


def test_callbacks_of_an_inner_block_that_is_rolled_back_are_dropped():
    calls = []
    with Bench(app) as bench:
        with transaction.atomic():
            note.delay("outer")
            with pytest.raises(RuntimeError, match="inner"), transaction.atomic():
                transaction.on_commit(lambda: calls.append("inner"))
                note.delay("inner")
                raise RuntimeError("inner")
            transaction.on_commit(lambda: calls.append("outer"))
            assert [message.transaction for message in bench.queued("note")] == ["open", "rolled back"]
        assert calls == ["outer"]
        assert [message.transaction for message in bench.queued("note")] == ["committed", "rolled back"]
        bench.drain()


def test_set_rollback_drops_the_callbacks():
    calls = []
    with Bench(app) as bench:
        with transaction.atomic():
            transaction.on_commit(lambda: calls.append("never"))
            Order.objects.create(number=1)
            note.delay("too early")
            transaction.set_rollback(True)
        assert calls == []
        assert not Order.objects.exists()
        (message,) = bench.queued("note")
        assert message.transaction == "rolled back"
        assert "its transaction was rolled back" in repr(message)
        bench.drain()


def test_a_message_tells_what_became_of_its_transaction():
    with Bench(app) as bench:
        note.delay("outside")
        with transaction.atomic():
            note.delay("inside")
            assert [message.transaction for message in bench.queued()] == ["none", "open"]
        with transaction.atomic():
            note.delay_on_commit("after")
            assert len(bench.queued()) == 2
        assert [message.transaction for message in bench.queued()] == ["none", "committed", "none"]
        assert [event.committed for event in bench.trace if isinstance(event, TransactionEnded)] == [True]
        bench.drain()
        assert texts() == ["after", "inside", "outside"]


def test_a_callback_that_fails_stops_those_after_it_unless_it_is_robust(caplog):
    calls = []

    def fails():
        raise RuntimeError("in the callback")

    with Bench(app):
        with transaction.atomic():
            Order.objects.create(number=1)
            transaction.on_commit(fails, robust=True)
            transaction.on_commit(lambda: calls.append("after robust"))
        assert calls == ["after robust"]
        assert "the on_commit callback test_a_callback" in caplog.text
        with pytest.raises(RuntimeError, match="in the callback"), transaction.atomic():
            Order.objects.create(number=2)
            transaction.on_commit(fails)
            transaction.on_commit(lambda: calls.append("never"))
        transaction.on_commit(fails, robust=True)
        in_block(calls, "next")()
        assert calls == ["after robust", "next"]
        assert Order.objects.count() == 2


def test_a_callback_may_open_a_block_and_register_another_one():
    calls = []

    def nested():
        with transaction.atomic():
            transaction.on_commit(lambda: calls.append("nested"))
        transaction.on_commit(lambda: calls.append("at once"))

    with Bench(app):
        with transaction.atomic():
            transaction.on_commit(nested)
        assert calls == ["nested", "at once"]


def test_callbacks_inside_tasks_run_when_the_task_commits():
    Order.objects.create(number=1)
    with Bench(app) as bench:
        ship.delay(1)
        bench.drain()
        assert texts() == ["shipped 1", "shipping 1"]
        assert Order.objects.get().state == "shipped"
        bench.assert_ran("note", times=2)


def test_a_task_that_is_rolled_back_leaves_only_what_it_sent_too_early():
    Order.objects.create(number=1)
    with Bench(app) as bench:
        bench.expect_failure(RuntimeError)
        ship_and_fail.delay(1)
        bench.drain()
        assert texts() == ["too early"]
        assert Order.objects.get().state == "new"
        assert [event.committed for event in bench.trace if isinstance(event, TransactionEnded)] == [False]


def test_a_task_that_runs_inside_the_tests_block_commits_on_its_own():
    Order.objects.create(number=1)
    calls = []
    with Bench(app) as bench:
        with transaction.atomic():
            transaction.on_commit(lambda: calls.append("test"))
            note.delay("by the test")
            ship.delay(1).get()
            bench.settle()
            assert calls == []
            assert texts() == ["by the test", "shipped 1", "shipping 1"]
            ended = [event.committed for event in bench.trace if isinstance(event, TransactionEnded)]
            assert ended == [True]
        assert calls == ["test"]
        assert len([event for event in bench.trace if isinstance(event, TransactionEnded)]) == 2


def test_a_view_commits_when_it_returns(client):
    with Bench(app) as bench:
        client.get("/")
        bench.assert_queued("note", count=1)
        client.raise_request_exception = False
        assert client.get("/?fail=1").status_code == 500
        bench.assert_queued("note", count=1)
        bench.drain()
    assert texts() == ["after the view", "by the view"]


def test_what_was_registered_before_the_bench_never_runs():
    calls = []
    transaction.on_commit(lambda: calls.append("before"))
    with Bench(app):
        in_block(calls, "on the bench")()
    assert calls == ["on the bench"]
    assert len(connection.run_on_commit) == 1


def test_a_bench_inside_a_block_of_the_test_takes_it_for_the_tests_frame():
    calls = []
    with transaction.atomic():
        with Bench(app) as bench:
            transaction.on_commit(lambda: calls.append("at once"))
            in_block(calls, "in a block")()
            note.delay("outside")
            assert bench.queued("note")[0].transaction == "none"
            bench.drain()
        assert calls == ["at once", "in a block"]
        assert texts() == ["outside"]
        transaction.set_rollback(True)
    assert texts() == []


def test_blocks_that_outlast_the_bench_are_left_as_usual():
    calls = []
    bench = Bench(app)
    bench.__enter__()
    with transaction.atomic():
        transaction.on_commit(lambda: calls.append("never in a TestCase"))
        Order.objects.create(number=1)
        bench.__exit__(None, None, None)
    assert calls == []
    assert Order.objects.count() == 1


@pytest.mark.django_db(databases=["default", "archive"])
def test_each_database_has_its_own_transactions():
    calls = []
    with Bench(app) as bench:
        with transaction.atomic():
            note.delay("in default")
            with pytest.raises(RuntimeError, match="archive"), transaction.atomic(using="archive"):
                Note.objects.using("archive").create(text="lost")
                transaction.on_commit(lambda: calls.append("archive"), using="archive")
                note.delay("in both")
                raise RuntimeError("archive")
            transaction.on_commit(lambda: calls.append("archive again"), using="archive")
            transaction.on_commit(lambda: calls.append("default"))
            assert calls == ["archive again"]
        assert calls == ["archive again", "default"]
        assert [message.transaction for message in bench.queued()] == ["committed", "rolled back"]
        assert not Note.objects.using("archive").exists()
        bench.drain()


def test_captured_callbacks_run_once_and_are_listed(django_capture_on_commit_callbacks):
    calls = []
    with Bench(app):
        with django_capture_on_commit_callbacks(execute=True) as callbacks:
            in_block(calls, "block")()
            assert calls == ["block"]
            transaction.on_commit(lambda: calls.append("no block"))
        assert calls == ["block", "no block"]
        assert len(callbacks) == 2
        with django_capture_on_commit_callbacks() as callbacks:
            in_block(calls, "held")()
        assert calls == ["block", "no block"]
        callbacks[0]()
        assert calls == ["block", "no block", "held"]
        in_block(calls, "after")()
        assert calls[3:] == ["after"]


def test_capturing_inside_a_block_runs_what_waits_for_its_end(django_capture_on_commit_callbacks):
    calls = []
    with Bench(app):
        with transaction.atomic():
            transaction.on_commit(lambda: calls.append("before"))
            with django_capture_on_commit_callbacks(execute=True) as callbacks:
                transaction.on_commit(lambda: calls.append("captured"))
                transaction.on_commit(lambda: transaction.on_commit(lambda: calls.append("chained")))
            assert calls == ["captured", "chained"]
            assert len(callbacks) == 3
        assert calls == ["captured", "chained", "before"]


def test_what_tasks_register_is_not_captured(django_capture_on_commit_callbacks):
    Order.objects.create(number=1)
    with Bench(app) as bench:
        with django_capture_on_commit_callbacks() as callbacks:
            ship.delay(1)
            bench.drain()
        assert callbacks == []
        assert texts() == ["shipped 1", "shipping 1"]


class OpenedInSetUpTest(TestCase):
    @classmethod
    def setUpTestData(cls):
        cls.order = Order.objects.create(number=7)
        transaction.on_commit(lambda: 1 / 0)

    def setUp(self):
        self.bench = self.enterContext(Bench(app))

    def test_the_class_level_block_is_no_transaction_of_the_code_under_test(self):
        with self.captureOnCommitCallbacks(execute=True) as callbacks, transaction.atomic():
            ship.delay(7)
            ship.delay_on_commit(7)
        assert len(callbacks) == 1
        self.bench.drain()
        self.order.refresh_from_db()
        assert self.order.state == "shipped"
        self.bench.assert_ran("ship", times=2)

    def test_the_next_test_begins_anew(self):
        assert Order.objects.get().state == "new"
        assert texts() == []
        note.delay("x").get()
        assert texts() == ["x"]


class OpenedForTheClassTest(TestCase):
    @classmethod
    def setUpClass(cls):
        cls.bench = Bench(app)
        cls.enterClassContext(cls.bench)
        super().setUpClass()

    def test_the_frame_may_be_opened_after_the_bench(self):
        calls = []
        in_block(calls, "committed")()
        assert calls == ["committed"]
        transaction.on_commit(lambda: calls.append("at once"))
        assert calls == ["committed", "at once"]
        assert note.delay("x").get() == "x"

    def test_and_is_rolled_back_between_tests(self):
        assert texts() == []
        assert note.delay("y").get() == "y"


class WithoutDatabaseTest(SimpleTestCase):
    def test_a_bench_needs_no_database(self):
        from shop.tasks import moment

        with Bench(app, start="2026-03-29T00:00+01:00") as bench:
            assert moment.delay().get() == "2026-03-28T23:00:00+00:00"
            assert bench.runs("moment")[0].state == "SUCCESS"
