"""Others are told before it is done.

Who hears of it looks at the order, and finds what it was before.
"""

from __future__ import annotations

from kombu.exceptions import OperationalError

from specimens.celery import app
from specimens.models import Order
from specimens.sms import send_sms
from specimens.specimen import Specimen


@app.task(autoretry_for=(OperationalError,))
def flawed(number):
    tell.delay(number)  # <- before
    Order.objects.filter(number=number).update(state="shipped")  # <- after


@app.task(autoretry_for=(OperationalError,))
def repaired(number):
    Order.objects.filter(number=number).update(state="shipped")
    tell.delay(number)


@app.task(autoretry_for=(OSError,))
def tell(number):
    order = Order.objects.get(number=number)
    send_sms("+44 1", f"Your order is {order.state}", key=f"order {number}")


specimen = Specimen(
    flaw=lambda bench: flawed.delay(1),
    repair=lambda bench: repaired.delay(1),
    verdict="lost",
    found_by=("kills", "overlaps"),
    within=3,
)
