"""A token of a rate limit is taken, and the worker dies before it is used.

The next run takes another one. A token that is taken for a piece of work is found again.
"""

from __future__ import annotations

from django.db import transaction
from django.db.models import F

from specimens.celery import app
from specimens.models import Quota, Token
from specimens.sms import send_sms
from specimens.specimen import Specimen


@app.task(bind=True, autoretry_for=(OSError,))
def flawed(self, phone):
    if not Quota.objects.filter(pk=1, left__gt=0).update(left=F("left") - 1):  # <- before
        raise self.retry(countdown=3600)
    send_sms(phone, "Your code is 1234", key=f"code for {phone}")  # <- after


@app.task(bind=True, autoretry_for=(OSError,))
def repaired(self, phone):
    with transaction.atomic():
        quota = Quota.objects.select_for_update().get(pk=1)
        if not Token.objects.filter(work=phone).exists():
            if Token.objects.count() >= quota.left:
                raise self.retry(countdown=3600)
            Token.objects.create(work=phone)
    send_sms(phone, "Your code is 1234", key=f"code for {phone}")


specimen = Specimen(
    flaw=lambda bench: flawed.delay("+44 1"),
    repair=lambda bench: repaired.delay("+44 1"),
    verdict="diverged",
    found_by=("kills", "twice", "overlaps", "failures", "broker"),
    within=3,
)
