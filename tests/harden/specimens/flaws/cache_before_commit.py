"""The cache is emptied before the commit, and somebody fills it with what was there before.

From then on everybody reads the old price.
"""

from __future__ import annotations

from django.core.cache import cache
from django.db import transaction

from specimens.celery import app
from specimens.models import Product
from specimens.specimen import Specimen


@app.task(autoretry_for=(ConnectionError,))
def flawed(pk, price):
    with transaction.atomic():  # <- after
        Product.objects.filter(pk=pk).update(price=price)
        cache.delete(f"price-{pk}")  # <- before


@app.task(autoretry_for=(ConnectionError,))
def repaired(pk, price):
    with transaction.atomic():
        Product.objects.filter(pk=pk).update(price=price)
        transaction.on_commit(lambda: cache.set(f"price-{pk}", price))


@app.task(autoretry_for=(ConnectionError,))
def show(pk):
    key = f"price-{pk}"
    if cache.get(key) is None:
        cache.add(key, Product.objects.get(pk=pk).price)


def the_cache_tells_the_price(bench):
    """The cache says what the row says."""
    assert cache.get("price-1") in (None, Product.objects.get(pk=1).price)


specimen = Specimen(
    flaw=lambda bench: (flawed.delay(1, 12), show.delay(1)),
    repair=lambda bench: (repaired.delay(1, 12), show.delay(1)),
    verdict="diverged",
    found_by=("overlaps",),
    within=40,
    promises=(the_cache_tells_the_price,),
)
