"""The last of several parts closes the batch, and a part that is delivered twice is counted twice.

The batch is closed while a part is still missing. A row for each part cannot be counted twice.
"""

from __future__ import annotations

from django.db import transaction
from django.db.models import F
from kombu.exceptions import OperationalError

from specimens.celery import app
from specimens.models import Batch, Part
from specimens.specimen import Specimen


@app.task(autoretry_for=(OperationalError,))
def flawed(pk, name):
    Batch.objects.filter(pk=pk).update(missing=F("missing") - 1)  # <- before
    if Batch.objects.get(pk=pk).missing == 0:
        close.delay(pk)


@app.task(autoretry_for=(OperationalError,))
def repaired(pk, name):
    with transaction.atomic():
        batch = Batch.objects.select_for_update().get(pk=pk)
        Part.objects.get_or_create(batch=batch, name=name)
        is_last = batch.part_set.count() == batch.missing
    if is_last:
        close.delay(pk)


@app.task
def close(pk):
    Batch.objects.filter(pk=pk).update(state="closed")


specimen = Specimen(
    flaw=lambda bench: (flawed.delay(1, "front"), flawed.delay(1, "back")),
    repair=lambda bench: (repaired.delay(1, "front"), repaired.delay(1, "back")),
    verdict="diverged",
    found_by=("kills", "twice", "overlaps", "broker"),
    within=2,
)
