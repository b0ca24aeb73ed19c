"""Money leaves one account, and a moment later it comes to the other.

Killed in between, the next run takes it once more.
"""

from __future__ import annotations

from django.db import transaction
from django.db.models import F

from specimens.celery import app
from specimens.models import Account, Transfer
from specimens.specimen import Specimen


@app.task
def flawed(pk):
    transfer = Transfer.objects.get(pk=pk)
    if transfer.state == "new":
        Account.objects.filter(name=transfer.source).update(balance=F("balance") - transfer.amount)  # <- before
        Account.objects.filter(name=transfer.target).update(balance=F("balance") + transfer.amount)  # <- after
        Transfer.objects.filter(pk=pk).update(state="booked")


@app.task
def repaired(pk):
    with transaction.atomic():
        transfer = Transfer.objects.get(pk=pk)
        if Transfer.objects.filter(pk=pk, state="new").update(state="booked"):
            Account.objects.filter(name=transfer.source).update(balance=F("balance") - transfer.amount)
            Account.objects.filter(name=transfer.target).update(balance=F("balance") + transfer.amount)


specimen = Specimen(
    flaw=lambda bench: flawed.delay(1),
    repair=lambda bench: repaired.delay(1),
    verdict="diverged",
    found_by=("kills", "overlaps"),
    within=2,
)
