"""Two messages tell of the same order, and the older one is read last.

A worker died on it, and it came again. With a version the row knows what is older than itself.
"""

from __future__ import annotations

from specimens.celery import app
from specimens.models import Delivery
from specimens.specimen import Specimen


@app.task
def flawed(pk, version, state):
    Delivery.objects.filter(pk=pk).update(version=version, state=state)  # <- after


@app.task
def repaired(pk, version, state):
    Delivery.objects.filter(pk=pk, version__lt=version).update(version=version, state=state)


specimen = Specimen(
    flaw=lambda bench: (flawed.delay(1, 1, "packed"), flawed.delay(1, 2, "shipped")),
    repair=lambda bench: (repaired.delay(1, 1, "packed"), repaired.delay(1, 2, "shipped")),
    verdict="diverged",
    found_by=("kills", "twice", "overlaps"),
    within=5,
)
