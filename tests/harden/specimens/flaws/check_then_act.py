"""Exactly once by looking first, in a transaction.

A transaction does not keep others from looking at the same time: both find nothing, and both count.
"""

from __future__ import annotations

from django.db import transaction
from django.db.models import F

from specimens.celery import app
from specimens.models import Page, UniqueVisit, Visit
from specimens.specimen import Specimen


@app.task
def flawed(pk, request):
    with transaction.atomic():
        if Visit.objects.filter(request=request).exists():  # <- before
            return
        Visit.objects.create(request=request)  # <- after
        Page.objects.filter(pk=pk).update(hits=F("hits") + 1)


@app.task
def repaired(pk, request):
    with transaction.atomic():
        _visit, is_new = UniqueVisit.objects.get_or_create(request=request)
        if is_new:
            Page.objects.filter(pk=pk).update(hits=F("hits") + 1)


specimen = Specimen(
    flaw=lambda bench: flawed.delay(1, "r-1"),
    repair=lambda bench: repaired.delay(1, "r-1"),
    verdict="duplicated",
    found_by=("overlaps",),
    within=30,
)
