"""A row is created for each delivery of the message, and messages are delivered more than once."""

from __future__ import annotations

from specimens.celery import app
from specimens.models import Payment, UniquePayment
from specimens.specimen import Specimen


@app.task
def flawed(number, amount):
    Payment.objects.create(number=number, amount=amount)  # <- before


@app.task
def repaired(number, amount):
    UniquePayment.objects.get_or_create(number=number, defaults={"amount": amount})


specimen = Specimen(
    flaw=lambda bench: flawed.delay(1, 30),
    repair=lambda bench: repaired.delay(1, 30),
    verdict="duplicated",
    found_by=("kills", "twice", "overlaps", "broker"),
    within=2,
)
