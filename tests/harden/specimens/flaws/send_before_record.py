"""The mail goes out, then the row says so.

Killed in between, the next run mails again. A mail cannot be sent exactly once; who may have got none can be listed.
"""

from __future__ import annotations

from django.core.mail import send_mail

from specimens.celery import app
from specimens.models import Order
from specimens.specimen import Specimen


@app.task(autoretry_for=(OSError,))
def flawed(number):
    order = Order.objects.select_related("customer").get(number=number)
    if order.mail_state != "sent":
        send_mail("Thank you", f"for order {number}", None, [order.customer.email])  # <- before
        Order.objects.filter(number=number).update(mail_state="sent")  # <- after


@app.task
def repaired(number):
    order = Order.objects.select_related("customer").get(number=number)
    if Order.objects.filter(number=number, mail_state="").update(mail_state="sending"):
        send_mail("Thank you", f"for order {number}", None, [order.customer.email])
        Order.objects.filter(number=number).update(mail_state="sent")


def nobody_gets_two(bench):
    """Nobody gets two; who may have got none is listed as in doubt."""
    order = Order.objects.get(number=1)
    mails = len(bench.mail)
    assert mails <= 1, f"ada@example.com got {mails} mails"
    assert order.mail_state == ("sent" if mails else "sending") or order.mail_state == "sending"


specimen = Specimen(
    flaw=lambda bench: flawed.delay(1),
    repair=lambda bench: repaired.delay(1),
    verdict="duplicated",
    found_by=("kills", "overlaps", "failures"),
    within=3,
    promises=(nobody_gets_two,),
)
