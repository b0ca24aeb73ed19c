"""`get_or_create` on a column without a unique key.

Two tasks look, both find nothing, both create. Only a unique key lets the database refuse the second.
"""

from __future__ import annotations

from specimens.celery import app
from specimens.models import Tag, UniqueTag
from specimens.specimen import Specimen


@app.task
def flawed(name):
    Tag.objects.get_or_create(name=name)  # <- before and after


@app.task
def repaired(name):
    UniqueTag.objects.get_or_create(name=name)


specimen = Specimen(
    flaw=lambda bench: flawed.delay("sale"),
    repair=lambda bench: repaired.delay("sale"),
    verdict="duplicated",
    found_by=("overlaps",),
    within=30,
)
