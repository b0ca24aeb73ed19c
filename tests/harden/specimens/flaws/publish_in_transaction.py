"""A message is sent inside the transaction, and read before the commit.

Its task finds no row. `transaction.on_commit` sends it when the row is there for everybody.
"""

from __future__ import annotations

from django.db import transaction
from kombu.exceptions import OperationalError

from specimens.celery import app
from specimens.models import Order, Parcel
from specimens.specimen import Specimen


@app.task(autoretry_for=(OperationalError,))
def flawed(number):
    with transaction.atomic():  # <- after
        Order.objects.get_or_create(number=number, customer_id=1)
        pack.delay(number)  # <- before


@app.task(autoretry_for=(OperationalError,))
def repaired(number):
    with transaction.atomic():
        Order.objects.get_or_create(number=number, customer_id=1)
        transaction.on_commit(lambda: pack.delay(number))


@app.task
def pack(number):
    order = Order.objects.get(number=number)
    Parcel.objects.get_or_create(number=order.number)


specimen = Specimen(
    flaw=lambda bench: flawed.delay(7),
    repair=lambda bench: repaired.delay(7),
    verdict="lost",
    found_by=("kills", "overlaps"),
    within=6,
)
