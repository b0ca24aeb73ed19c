"""A task asks every minute whether the money has come, and nothing ever ends that.

The message that would have told was lost, so it asks until somebody notices the load.
"""

from __future__ import annotations

from specimens.celery import app
from specimens.models import Order, Parcel
from specimens.specimen import Specimen


@app.task(bind=True, max_retries=None)
def flawed(self, number):
    if Order.objects.get(number=number).state != "paid":
        raise self.retry(countdown=60)
    Parcel.objects.get_or_create(number=number)


@app.task(bind=True, max_retries=None)
def repaired(self, number):
    if Order.objects.get(number=number).state != "paid":
        if self.request.retries < 5:
            raise self.retry(countdown=60)
        Order.objects.filter(number=number).exclude(state="paid").update(state="overdue")
    else:
        Parcel.objects.get_or_create(number=number)


@app.task(acks_late=False)
def confirm(number):
    Order.objects.filter(number=number).update(state="paid")  # <- after


def shipped_or_overdue(bench):
    """An order is shipped, or listed as overdue."""
    order = Order.objects.get(number=1)
    assert order.state == "overdue" or Parcel.objects.filter(number=1).exists()


specimen = Specimen(
    flaw=lambda bench: (confirm.delay(1), flawed.delay(1)),
    repair=lambda bench: (confirm.delay(1), repaired.delay(1)),
    verdict="stuck",
    found_by=("kills",),
    within=1,
    promises=(shipped_or_overdue,),
)
