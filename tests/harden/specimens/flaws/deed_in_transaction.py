"""A message goes out inside a transaction, which may still come to nothing.

Killed before the commit, the claim is rolled back, and the next run sends again. The claim must be committed first.
"""

from __future__ import annotations

from django.db import transaction

from specimens.celery import app
from specimens.models import Order
from specimens.sms import send_sms
from specimens.specimen import Specimen


@app.task(autoretry_for=(OSError,))
def flawed(number):
    with transaction.atomic():  # <- after
        if Order.objects.filter(number=number, mail_state="").update(mail_state="sent"):
            send_sms("+44 1", f"order {number} is on its way")  # <- before


@app.task
def repaired(number):
    if Order.objects.filter(number=number, mail_state="").update(mail_state="sending"):
        send_sms("+44 1", f"order {number} is on its way")
        Order.objects.filter(number=number).update(mail_state="sent")


def nobody_gets_two(bench):
    """Nobody gets two; who may have got none is listed as in doubt."""
    sent = [event for event in bench.trace if getattr(event, "effect", "") == "sms" and event.outcome != "failed"]
    assert len(sent) <= 1, f"+44 1 got {len(sent)} messages"
    assert sent or Order.objects.get(number=1).mail_state == "sending"


specimen = Specimen(
    flaw=lambda bench: flawed.delay(1),
    repair=lambda bench: repaired.delay(1),
    verdict="duplicated",
    found_by=("kills", "failures"),
    within=3,
    promises=(nobody_gets_two,),
)
