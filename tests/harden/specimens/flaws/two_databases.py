"""Two databases are written one after the other, as if that were one transaction.

Killed in between, the order is paid and the warehouse never hears of it. An outbox is written with the order.
"""

from __future__ import annotations

from django.db import transaction

from specimens.celery import app
from specimens.models import Order, Outbox, Parcel
from specimens.specimen import Specimen


@app.task
def flawed(number):
    if Order.objects.filter(number=number, state="new").update(state="paid"):  # <- before
        Parcel.objects.using("warehouse").create(number=number)  # <- after


@app.task
def repaired(number):
    with transaction.atomic():
        if Order.objects.filter(number=number, state="new").update(state="paid"):
            Outbox.objects.create(number=number)
    for row in Outbox.objects.filter(number=number):
        Parcel.objects.using("warehouse").get_or_create(number=row.number)
        row.delete()


specimen = Specimen(
    flaw=lambda bench: flawed.delay(1),
    repair=lambda bench: repaired.delay(1),
    verdict="lost",
    found_by=("kills",),
    within=2,
)
