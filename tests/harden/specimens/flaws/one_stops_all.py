"""One address that cannot be reached ends the run, and all after it get nothing."""

from __future__ import annotations

from specimens.celery import app
from specimens.models import Customer
from specimens.sms import send_sms
from specimens.specimen import Specimen


@app.task
def flawed():
    for customer in Customer.objects.order_by("pk"):
        send_sms(customer.phone, "Closed on Monday", key=f"closed {customer.pk}")  # <- after


@app.task(bind=True)
def repaired(self, phones=None):
    failed = []
    for phone in phones or Customer.objects.order_by("pk").values_list("phone", flat=True):
        try:
            send_sms(phone, "Closed on Monday", key=f"closed {phone}")
        except OSError:
            failed.append(phone)
    if failed:
        raise self.retry(args=[failed], countdown=60)


specimen = Specimen(
    flaw=lambda bench: flawed.delay(),
    repair=lambda bench: repaired.delay(),
    verdict="lost",
    found_by=("failures",),
    within=40,
)
