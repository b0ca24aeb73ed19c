"""Tests of a plain Celery project; a fixture turns eager mode on."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from unittest import TestCase, mock

import pytest
from celery import Celery, chain, chord, group, signature

from courier import tasks
from courier.app import app
from courier.tasks import DELIVERED, LOST

LIES = {
    "test_freight_is_delivered": "wrong queue",
    "test_freight_by_signature": "wrong queue",
    "test_freight_in_a_group": "wrong queue",
    "test_exchange_without_queue": "wrong queue",
    "test_card_tomorrow": "countdown",
    "test_card_with_signature_options": "countdown",
    "test_group_with_skew": "countdown",
    "test_parcel_through_a_chain": "result not serializable",
    "test_parcel_is_made": "result not serializable",
    "test_price_in_a_set_argument": "argument not serializable",
    "test_all_tries_are_there": "retry",
    "test_chord_with_a_broken_part_fails_its_own_way": "chord error",
    "test_link_runs_after_a_countdown": "countdown",
    "test_request_is_eager": "runs differently",
    "Letters::test_freight": "wrong queue",
    "test_result_by_method_of_eager_result": "eager result",
    "test_fixture_sends_freight": "wrong queue",
}


def test_letter_is_delivered():
    tasks.letter.delay("ann")
    assert DELIVERED == ["ann"]


def test_freight_is_delivered():
    tasks.freight.delay("ann")
    assert DELIVERED == ["ann"]


def test_freight_by_signature():
    signature("courier.tasks.freight", args=("bob",)).delay()
    assert "bob" in DELIVERED


def test_freight_in_a_group():
    group([tasks.letter.s("ann"), tasks.freight.s("bob")]).apply_async()
    assert sorted(DELIVERED) == ["ann", "bob"]


def test_parcels_queue_of_the_procfile():
    tasks.letter.apply_async(("ann",), queue="parcels")
    assert DELIVERED == ["ann"]


def test_exchange_without_queue():
    tasks.letter.apply_async(("ann",), exchange="abroad", routing_key="far")
    assert DELIVERED == ["ann"]


def test_card_tomorrow():
    tasks.postcard.apply_async(("ann",), eta=dt.datetime.now(dt.UTC) + dt.timedelta(days=1))
    assert DELIVERED == ["card ann"]


def test_card_with_signature_options():
    tasks.postcard.s("ann").set(countdown=5).apply_async()
    assert DELIVERED == ["card ann"]


def test_card_at_once():
    tasks.postcard.apply_async(("ann",), countdown=0, priority=3)
    assert DELIVERED == ["card ann"]


def test_group_with_skew():
    group(tasks.letter.s(str(n)) for n in range(3)).skew(start=0, stop=20, step=10).delay()
    assert DELIVERED == ["0", "1", "2"]


def test_stamps():
    assert tasks.postcard.delay("ann", stamp="blue").get() == {"to": "ann", "stamp": "blue"}


def test_price_is_a_decimal():
    assert tasks.price.delay(2).get() == Decimal("1.90")


def test_number_is_a_uuid():
    assert tasks.number.delay().get().int == 7


def test_price_in_a_set_argument():
    assert chain(tasks.price.si(2), tasks.join.si({1})).apply_async().get() == {1}


def test_parcel_is_made():
    assert tasks.parcel.delay(3).get().number == 3


def test_parcel_through_a_chain():
    assert (tasks.parcel.s(3) | tasks.open_parcel.s()).delay().get() == 3


def test_group_of_results():
    results = group(tasks.letter.s(name) for name in ("ann", "bob"))()
    assert results.successful()
    assert results.get() == ["ann", "bob"]


def test_chord_joins():
    assert chord([tasks.letter.s("ann"), tasks.letter.s("bob")])(tasks.join.s()).get() == ["ann", "bob"]
    assert DELIVERED[-1] == "ann+bob"


def test_chunks():
    assert tasks.letter.chunks([("ann",), ("bob",)], 1).apply_async().get() == [["ann"], ["bob"]]


def test_nested_task_runs():
    tasks.forward.delay("ann")
    assert DELIVERED == ["ann"]


def test_replaced_task():
    tasks.replaced.delay("ann")
    assert DELIVERED == ["ann"]


def test_hook_of_the_base_class():
    tasks.checked.delay("ann")
    assert DELIVERED == ["courier.tasks.checked done"]


def test_failure_hook_of_the_base_class():
    result = tasks.checked.delay("")
    assert result.failed()
    assert LOST == ["no address"]


def test_failure_can_be_read():
    result = tasks.broken.delay()
    assert result.state == "FAILURE"
    with pytest.raises(KeyError, match="broken"):
        result.get()


def test_errback():
    tasks.broken.apply_async(link_error=tasks.mourn.s())
    assert LOST == ["mourned KeyError"]


def test_link():
    tasks.letter.apply_async(("ann",), link=tasks.postcard.s())
    assert DELIVERED == ["ann", "card ann"]


def test_link_runs_after_a_countdown():
    tasks.letter.apply_async(("ann",), link=tasks.postcard.s().set(countdown=30))
    assert DELIVERED == ["ann", "card ann"]


def test_chord_with_a_broken_part_fails_its_own_way():
    with pytest.raises(KeyError, match="broken"):
        chord([tasks.letter.s("ann"), tasks.broken.s()])(tasks.join.s())


def test_all_tries_are_there():
    tasks.flaky.delay(2, countdown=10)
    assert DELIVERED == ["try 0", "try 1", "try 2"]


def test_tries_without_delay():
    tasks.flaky.delay(2)
    assert DELIVERED == ["try 0", "try 1", "try 2"]


def test_result_of_the_last_try():
    assert tasks.flaky.delay(2, countdown=10).get() == 2


def test_request_is_eager():
    assert tasks.kind_of_request.delay().get() is True


def test_result_by_method_of_eager_result():
    result = tasks.letter.delay("ann")
    assert result._state == "SUCCESS"


def test_patched_task():
    with mock.patch.object(tasks.freight, "apply_async") as send:
        tasks.freight.delay("ann")
    assert send.called


def test_logging(caplog):
    with caplog.at_level("INFO"):
        tasks.logs.delay()
    assert "logged here" in caplog.text


@pytest.mark.parametrize("name", ["ann", "bob"])
def test_parametrized(name):
    tasks.letter.delay(name)
    assert DELIVERED == [name]


@pytest.fixture
def sent_freight():
    tasks.freight.delay("ann")


def test_fixture_sends_freight(sent_freight):
    assert DELIVERED == ["ann"]


class Letters(TestCase):
    def setUp(self):
        self.calls = []

    def test_letter(self):
        self.calls.append(tasks.letter.delay("ann").get())
        self.assertEqual(self.calls, ["ann"])

    def test_freight(self):
        tasks.freight.delay("ann")
        self.assertEqual(DELIVERED, ["ann"])


class TestClass:
    seen: list[str] = []

    def test_letter(self):
        self.seen.append(tasks.letter.delay("ann").get())
        assert self.seen == ["ann"]


@pytest.fixture
def own_app():
    own = Celery("own", broker="memory://", backend="cache+memory://", set_as_current=False)
    own.conf.task_always_eager = True

    @own.task(name="own.double")
    def double(n):
        return n * 2

    return own


def test_app_of_a_fixture(own_app):
    assert own_app.tasks["own.double"].delay(2).get() == 4


def test_app_of_the_test():
    own = Celery("inner", broker="memory://", backend="cache+memory://", set_as_current=False)
    own.conf.task_always_eager = True

    @own.task(name="inner.double")
    def double(n):
        return n * 2

    assert double.delay(2).get() == 4


def test_without_tasks():
    assert app.main == "courier"
