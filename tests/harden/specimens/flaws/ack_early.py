"""The message is acked when the task begins, so nobody runs it again when its worker dies."""

from __future__ import annotations

from specimens.celery import app
from specimens.models import Order
from specimens.specimen import Specimen


@app.task(acks_late=False)
def flawed(number):
    Order.objects.filter(number=number).update(state="paid")  # <- after


@app.task(acks_late=True, reject_on_worker_lost=True)
def repaired(number):
    Order.objects.filter(number=number).update(state="paid")


specimen = Specimen(
    flaw=lambda bench: flawed.delay(1),
    repair=lambda bench: repaired.delay(1),
    verdict="lost",
    found_by=("kills",),
    within=1,
)
