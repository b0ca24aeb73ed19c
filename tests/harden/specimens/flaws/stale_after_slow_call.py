"""A decision on what was read before a slow request.

While the other side was thinking, the order was cancelled and paid back. Now it is approved all the same.
"""

from __future__ import annotations

from urllib.request import urlopen

from django.db import transaction

from specimens.celery import app
from specimens.models import Order, Payment
from specimens.specimen import Specimen

URL = "http://risk.example/orders/1"


@app.task(autoretry_for=(OSError,))
def flawed(number):
    order = Order.objects.get(number=number)  # <- before
    urlopen(URL)
    if order.state == "new":
        Order.objects.filter(number=number).update(state="approved")  # <- after


@app.task(autoretry_for=(OSError,))
def repaired(number):
    urlopen(URL)
    Order.objects.filter(number=number, state="new").update(state="approved")


@app.task
def cancel(number):
    with transaction.atomic():
        if Order.objects.filter(number=number, state="new").update(state="cancelled"):
            Payment.objects.create(number=number, amount=-30)


def approved_or_paid_back(bench):
    """An order is approved, or cancelled and paid back, never both."""
    state = Order.objects.get(number=1).state
    assert (state, Payment.objects.count()) in {("approved", 0), ("cancelled", 1)}


def scenario(task):
    def play(bench):
        bench.http("GET", URL, json={"risk": "low"})
        task.delay(1)
        cancel.delay(1)

    return play


specimen = Specimen(
    flaw=scenario(flawed),
    repair=scenario(repaired),
    verdict="duplicated",
    found_by=("overlaps",),
    within=40,
    promises=(approved_or_paid_back,),
)
