"""The number is drawn in one step, and used in the next.

Killed in between, the next run draws another number, and the series has a gap.
"""

from __future__ import annotations

from django.db import transaction
from django.db.models import F

from specimens.celery import app
from specimens.models import Receipt, Sequence
from specimens.specimen import Specimen


@app.task
def flawed(order):
    if not Receipt.objects.filter(order=order).exists():
        Sequence.objects.filter(pk=1).update(last=F("last") + 1)  # <- before
        Receipt.objects.create(number=Sequence.objects.get(pk=1).last, order=order)  # <- after


@app.task
def repaired(order):
    with transaction.atomic():
        sequence = Sequence.objects.select_for_update().get(pk=1)
        if not Receipt.objects.filter(order=order).exists():
            sequence.last += 1
            sequence.save(update_fields=["last"])
            Receipt.objects.create(number=sequence.last, order=order)


specimen = Specimen(
    flaw=lambda bench: flawed.delay(70),
    repair=lambda bench: repaired.delay(70),
    verdict="diverged",
    found_by=("kills", "overlaps"),
    within=2,
)
