"""A retry begins the batch again from its first item.

The first customer got the message before the second one failed. With a key the gateway knows what it has seen.
"""

from __future__ import annotations

from specimens.celery import app
from specimens.models import Customer
from specimens.sms import send_sms
from specimens.specimen import Specimen


@app.task(autoretry_for=(OSError,))
def flawed():
    for customer in Customer.objects.order_by("pk"):
        send_sms(customer.phone, "Sale!")  # <- before and after


@app.task(autoretry_for=(OSError,))
def repaired(campaign):
    for customer in Customer.objects.order_by("pk"):
        send_sms(customer.phone, "Sale!", key=f"{campaign} to {customer.pk}")


specimen = Specimen(
    flaw=lambda bench: flawed.delay(),
    repair=lambda bench: repaired.delay("sale-7"),
    verdict="duplicated",
    found_by=("kills", "twice", "overlaps", "failures", "broker"),
    within=2,
)
