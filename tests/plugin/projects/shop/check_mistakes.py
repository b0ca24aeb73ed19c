"""Mistakes that people make; each of these fails, and says what is wrong."""

from __future__ import annotations

from datetime import timedelta

import pytest
from celery import chord

from shop import add, app, charge, on_error, poll, receipt, thank, total


class Order:
    def __repr__(self):
        return "<Order 7>"


def test_never_ran(coldframe):
    charge.delay(7)


def test_never_ran_and_asserted(coldframe):
    charge.delay(7)
    coldframe.assert_ran(charge)


def test_ran_on_another_queue(coldframe):
    receipt.delay(7)
    coldframe.drain()


def test_waits_for_another_queue(coldframe):
    assert receipt.delay(7).get() == 7


@pytest.mark.coldframe(longest_chain=50)
def test_retried_for_ever(coldframe):
    poll.delay()
    coldframe.drain()


def test_argument_is_not_serializable(coldframe):
    charge.delay(Order())


def test_wrong_eta(coldframe):
    charge.apply_async((7,), countdown=3600)
    coldframe.assert_queued(charge, eta=timedelta(minutes=30))


def test_chord_is_stuck(coldframe):
    result = chord([add.si(1, 2), receipt.si(3)])(total.s())
    assert result.get() == 6


def test_revoked(coldframe):
    coldframe.settle()
    result = charge.apply_async((7,), countdown=60)
    result.revoke()
    coldframe.drain()
    coldframe.assert_ran(charge)


def test_expired(coldframe):
    charge.apply_async((7,), countdown=60, expires=30)
    coldframe.drain()
    coldframe.assert_ran(charge)


def test_expired_result(coldframe):
    charge.apply_async((7,), countdown=60, expires=30).get()


def test_not_registered(coldframe):
    app.send_task("shop.chrage", (7,))
    coldframe.drain()


def test_callback_fails(coldframe):
    charge.apply_async((7,), link=thank.s())
    coldframe.drain()


def test_errback_fails(coldframe):
    result = charge.apply_async((7, True), link_error=on_error.s())
    with pytest.raises(ValueError, match="no money"):
        result.get()


def test_task_fails(coldframe):
    charge.delay(7, fail=True)
    coldframe.drain()


def test_result_of_a_task_that_fails(coldframe):
    assert charge.delay(7, fail=True).get() == "paid 7"


def test_several_things_at_once(coldframe):
    receipt.delay(7)
    charge.delay(7)


@pytest.mark.coldframe(strat="2026-01-05T00:00+00:00")
def test_misspelt_keyword(coldframe):
    pass
