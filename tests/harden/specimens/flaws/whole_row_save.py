"""The whole row is saved, and takes back what others wrote meanwhile.

`save()` without `update_fields` writes every column as it was when the row was read.
"""

from __future__ import annotations

from specimens.celery import app
from specimens.models import Order
from specimens.specimen import Specimen


@app.task
def flawed(number):
    order = Order.objects.get(number=number)  # <- before
    order.reminded = True
    order.save()  # <- after


@app.task
def repaired(number):
    Order.objects.filter(number=number).update(reminded=True)


@app.task
def pay(number):
    Order.objects.filter(number=number).update(state="paid")


specimen = Specimen(
    flaw=lambda bench: (flawed.delay(1), pay.delay(1)),
    repair=lambda bench: (repaired.delay(1), pay.delay(1)),
    verdict="diverged",
    found_by=("overlaps",),
    within=30,
)
