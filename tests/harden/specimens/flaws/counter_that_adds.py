"""A counter that adds one each time that the message comes.

`F("hits") + 1` loses no update, and still counts a redelivered message twice.
"""

from __future__ import annotations

from django.db import transaction
from django.db.models import F

from specimens.celery import app
from specimens.models import Page, UniqueVisit
from specimens.specimen import Specimen


@app.task
def flawed(pk, request):
    Page.objects.filter(pk=pk).update(hits=F("hits") + 1)  # <- before


@app.task
def repaired(pk, request):
    with transaction.atomic():
        _visit, is_new = UniqueVisit.objects.get_or_create(request=request)
        if is_new:
            Page.objects.filter(pk=pk).update(hits=F("hits") + 1)


specimen = Specimen(
    flaw=lambda bench: flawed.delay(1, "r-1"),
    repair=lambda bench: repaired.delay(1, "r-1"),
    verdict="diverged",
    found_by=("kills", "twice", "overlaps", "broker"),
    within=2,
)
