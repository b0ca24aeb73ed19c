"""Broken runs on the database that the suite is run on: rows are put back, and compared."""

from __future__ import annotations

import pytest
from till import app
from till.models import Account
from till.tasks import pay_if_enough, pay_under_lock

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def key():
    return Account.objects.create().pk


def enough_is_left(bench):
    assert Account.objects.get().balance in (40, 100)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_payment_that_is_lost_or_made_twice_is_told_with_the_row(harden, key, workers):
    result = harden(
        lambda bench: pay_under_lock.delay(key), app=app, faults="kills,twice", workers=workers, check=False
    )
    facts = {fact for cause in result.causes for fact in cause.simplest.facts}
    assert facts == {
        "till.tasks.pay_under_lock ended in vain, and nobody will run it again",
        "1 row of till_account differs: balance 100 instead of 70",
        "1 row of till_account differs: balance 40 instead of 70",
    }
    assert Account.objects.get().balance == 100


def test_a_payment_that_is_made_on_a_condition_holds(harden, key):
    def pay(bench):
        for name in ("north", "south"):
            bench.node(name, concurrency=1, prefetch_multiplier=1)
        pay_if_enough.delay(key)
        pay_if_enough.delay(key)

    harden(pay, enough_is_left, app=app, faults="kills,twice,overlaps")
