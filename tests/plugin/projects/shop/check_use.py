"""Tests that pass, each with something of the fixture."""

from __future__ import annotations

import unittest

import pytest

from coldframe import Bench
from coldframe.testing import perform
from shop import app, charge, count_stock, place, receipt

pytestmark = pytest.mark.coldframe(start="2026-06-01T12:00+00:00", seed=3)


def test_a_task_runs(coldframe):
    assert isinstance(coldframe, Bench)
    assert charge.delay(7).get() == "paid 7"


def test_the_marker_of_the_module_counts(coldframe):
    assert f"{coldframe.now:%Y-%m-%d %H:%M}" == "2026-06-01 12:00"


@pytest.mark.coldframe(start="2027-06-01T12:00+00:00", profile="rabbitmq")
def test_the_closest_marker_wins_per_keyword(coldframe):
    assert coldframe.now.year == 2027
    assert "rabbitmq" in repr(coldframe)
    assert coldframe._seed == 3


@pytest.mark.coldframe(beat=True)
def test_beat_runs(coldframe):
    coldframe.advance(hours=3)
    coldframe.assert_ran(count_stock, times=3)


def test_looking_at_a_message_is_enough(coldframe):
    charge.delay(7)
    coldframe.assert_queued(charge, args=[7])


@pytest.mark.coldframe(undrained="allow")
def test_messages_may_be_left(coldframe):
    charge.delay(7)


def test_what_is_not_due_may_be_left_once_time_has_passed(coldframe):
    charge.apply_async((7,), countdown=3600)
    coldframe.advance(minutes=1)


@pytest.mark.coldframe(unread="collect")
def test_unread_queues_may_be_left(coldframe):
    receipt.delay(7)


@pytest.mark.coldframe(failures="collect")
def test_failures_may_be_collected(coldframe):
    charge.delay(7, fail=True)
    coldframe.drain()


@pytest.mark.xfail(reason="the complaint belongs to the test", strict=True)
def test_a_complaint_is_a_failure_of_the_test_itself(coldframe):
    charge.delay(7, fail=True)
    coldframe.drain()


@pytest.mark.xfail(reason="so does one that comes at its end", strict=True)
def test_a_complaint_at_the_end_is_one_too(coldframe):
    charge.delay(7)


def test_skipping_complains_of_nothing(coldframe):
    charge.delay(7)
    pytest.skip("enough")


def test_perform_uses_the_open_bench(coldframe):
    assert perform(charge, 7) == "paid 7"
    perform(place, 8)
    coldframe.assert_queued(charge, args=[8])
    coldframe.assert_ran(charge, times=1)


def test_the_fixture_can_be_asked_for_late(request):
    bench = request.getfixturevalue("coldframe")
    charge.delay(7)
    bench.drain()


class TestClass:
    pytestmark = pytest.mark.coldframe(start="2028-06-01T12:00+00:00")

    def test_the_marker_of_the_class_counts(self, coldframe):
        assert coldframe.now.year == 2028


class OldTest(unittest.TestCase):
    @pytest.fixture(autouse=True)
    def _bench(self, coldframe):
        self.bench = coldframe

    def test_a_unittest_class_can_use_it(self):
        charge.delay(7)
        self.bench.drain()
        self.bench.assert_ran(charge, times=1)

    @unittest.expectedFailure
    def test_a_failure_of_its_own_is_not_hidden(self):
        charge.delay(7)
        self.fail("as it is")


class TestAppFixture:
    @pytest.fixture
    def coldframe_app(self):
        return app

    def test_the_app_can_come_from_a_fixture(self, coldframe):
        assert coldframe.app is app
