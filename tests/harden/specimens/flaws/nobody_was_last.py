"""Each of two parts looks whether the other is done, before it says that it is done itself.

At the same time both find the other missing, and nobody closes the batch.
"""

from __future__ import annotations

from kombu.exceptions import OperationalError

from specimens.celery import app
from specimens.models import Batch, Part
from specimens.specimen import Specimen


@app.task(autoretry_for=(OperationalError,))
def flawed(pk, name):
    others = Part.objects.filter(batch_id=pk).exclude(name=name).count()  # <- before
    Part.objects.get_or_create(batch_id=pk, name=name)  # <- after
    if others == 1:
        close.delay(pk)


@app.task(autoretry_for=(OperationalError,))
def repaired(pk, name):
    Part.objects.get_or_create(batch_id=pk, name=name)
    if Part.objects.filter(batch_id=pk).count() == 2:
        close.delay(pk)


@app.task
def close(pk):
    Batch.objects.filter(pk=pk).update(state="closed")


specimen = Specimen(
    flaw=lambda bench: (flawed.delay(1, "front"), flawed.delay(1, "back")),
    repair=lambda bench: (repaired.delay(1, "front"), repaired.delay(1, "back")),
    verdict="diverged",
    found_by=("overlaps",),
    within=50,
)
