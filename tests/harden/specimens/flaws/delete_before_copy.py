"""Rows are deleted here, then written there.

Killed in between they are nowhere, and the next run finds nothing to move.
"""

from __future__ import annotations

from django.db import transaction

from specimens.celery import app
from specimens.models import ArchivedOrder, Order
from specimens.specimen import Specimen


@app.task
def flawed():
    archived = [ArchivedOrder(number=order.number) for order in Order.objects.all()]
    Order.objects.all().delete()  # <- before
    ArchivedOrder.objects.bulk_create(archived, ignore_conflicts=True)  # <- after


@app.task
def repaired():
    with transaction.atomic():
        orders = Order.objects.select_for_update()
        ArchivedOrder.objects.bulk_create(ArchivedOrder(number=order.number) for order in orders)
        orders.delete()


specimen = Specimen(
    flaw=lambda bench: flawed.delay(),
    repair=lambda bench: repaired.delay(),
    verdict="lost",
    found_by=("kills",),
    within=4,
)
