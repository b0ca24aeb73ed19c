"""A failure is logged, and the cursor moves past it.

The next run begins behind the item that nobody ever got.
"""

from __future__ import annotations

import logging

from specimens.celery import app
from specimens.models import Customer, Feed
from specimens.sms import send_sms
from specimens.specimen import Specimen

logger = logging.getLogger(__name__)


@app.task
def flawed(pk):
    feed = Feed.objects.get(pk=pk)
    for customer in Customer.objects.filter(pk__gt=feed.cursor).order_by("pk"):
        try:
            send_sms(customer.phone, "News!", key=f"news to {customer.pk}")  # <- after
        except OSError:
            logger.exception("no news for %s", customer.phone)
        Feed.objects.filter(pk=pk, cursor__lt=customer.pk).update(cursor=customer.pk)


@app.task(autoretry_for=(OSError,))
def repaired(pk):
    feed = Feed.objects.get(pk=pk)
    for customer in Customer.objects.filter(pk__gt=feed.cursor).order_by("pk"):
        send_sms(customer.phone, "News!", key=f"news to {customer.pk}")
        Feed.objects.filter(pk=pk, cursor__lt=customer.pk).update(cursor=customer.pk)


specimen = Specimen(
    flaw=lambda bench: flawed.delay(1),
    repair=lambda bench: repaired.delay(1),
    verdict="lost",
    found_by=("failures",),
    within=40,
)
