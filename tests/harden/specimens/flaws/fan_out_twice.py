"""A message for each customer, published again from the first one when the task that does it is run again.

Each copy is a message of its own, so a key that is made of the message's id does not help.
"""

from __future__ import annotations

from kombu.exceptions import OperationalError

from specimens.celery import app
from specimens.models import Customer
from specimens.sms import send_sms
from specimens.specimen import Specimen


@app.task(autoretry_for=(OperationalError,))
def flawed():
    for customer in Customer.objects.order_by("pk"):
        greet.delay(customer.phone)  # <- before and after


@app.task(bind=True, autoretry_for=(OSError,))
def greet(self, phone):
    send_sms(phone, "Hello!", key=self.request.id)


@app.task(autoretry_for=(OperationalError,))
def repaired(day):
    for customer in Customer.objects.order_by("pk"):
        greet_once.delay(day, customer.phone)


@app.task(autoretry_for=(OSError,))
def greet_once(day, phone):
    send_sms(phone, "Hello!", key=f"hello to {phone} on {day}")


specimen = Specimen(
    flaw=lambda bench: flawed.delay(),
    repair=lambda bench: repaired.delay("monday"),
    verdict="duplicated",
    found_by=("kills", "twice", "overlaps", "broker"),
    within=2,
)
