"""Rows that belong together are inserted one by one.

Killed halfway, the next run sees that there are some, and takes them for all.
"""

from __future__ import annotations

from django.db import transaction

from specimens.celery import app
from specimens.models import Line, Order
from specimens.specimen import Specimen

CART = ("apple", "pear")


@app.task
def flawed(number):
    if not Line.objects.filter(order=number).exists():
        for article in CART:
            Line.objects.create(order=number, article=article)  # <- before and after


@app.task
def repaired(number):
    with transaction.atomic():
        Order.objects.select_for_update().get(number=number)
        if not Line.objects.filter(order=number).exists():
            for article in CART:
                Line.objects.create(order=number, article=article)


specimen = Specimen(
    flaw=lambda bench: flawed.delay(1),
    repair=lambda bench: repaired.delay(1),
    verdict="lost",
    found_by=("kills",),
    within=2,
)
