"""What waits for the commit is lost when the worker is killed right after it.

The next run finds the order paid, and leaves. A sweep looks for what was never sent.
"""

from __future__ import annotations

from django.db import transaction
from kombu.exceptions import OperationalError

from specimens.celery import app
from specimens.models import Order, Parcel
from specimens.specimen import Specimen


@app.task(autoretry_for=(OperationalError,))
def flawed(number):
    with transaction.atomic():  # <- before
        if Order.objects.filter(number=number, state="new").update(state="paid"):
            transaction.on_commit(lambda: ship.delay(number))  # <- after


@app.task
def ship(number):
    Parcel.objects.get_or_create(number=number)


@app.task(autoretry_for=(OperationalError,))
def sweep():
    for order in Order.objects.filter(state="paid"):
        if not Parcel.objects.filter(number=order.number).exists():
            ship.delay(order.number)


specimen = Specimen(
    flaw=lambda bench: flawed.delay(1),
    repair=lambda bench: (flawed.delay(1), sweep.apply_async(countdown=600)),
    verdict="lost",
    found_by=("kills",),
    within=4,
)
