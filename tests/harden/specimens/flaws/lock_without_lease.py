"""A lock that lasts for ever if nobody takes it back.

Killed while it is held, the task never runs again: it always finds itself busy. A lease ends by itself.
"""

from __future__ import annotations

from django.core.cache import cache

from specimens.celery import app
from specimens.models import Parcel
from specimens.specimen import Specimen


@app.task(autoretry_for=(ConnectionError,))
def flawed(number):
    if not cache.add("packing", "yes", timeout=None):  # <- before
        return
    Parcel.objects.get_or_create(number=number)  # <- after
    cache.delete("packing")


@app.task(bind=True, autoretry_for=(ConnectionError,))
def repaired(self, number):
    if not cache.add("packing", "yes", timeout=60):
        raise self.retry(countdown=61)
    Parcel.objects.get_or_create(number=number)
    cache.delete("packing")


specimen = Specimen(
    flaw=lambda bench: flawed.delay(1),
    repair=lambda bench: repaired.delay(1),
    verdict="lost",
    found_by=("kills", "failures"),
    within=2,
)
