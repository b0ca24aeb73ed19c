"""The row says "running", and its run is dead.

The next run leaves the work to it. A claim that bears the name of its message is taken over by the same message.
"""

from __future__ import annotations

from django.db import transaction
from django.db.models import Q

from specimens.celery import app
from specimens.models import Job, Parcel
from specimens.specimen import Specimen


@app.task
def flawed(pk):
    if Job.objects.filter(pk=pk, state="new").update(state="running"):  # <- before
        Parcel.objects.create(number=pk)  # <- after
        Job.objects.filter(pk=pk).update(state="done")


@app.task(bind=True)
def repaired(self, pk):
    free = Q(state="new") | Q(state="running", claimed_by=self.request.id)
    if Job.objects.filter(free, pk=pk).update(state="running", claimed_by=self.request.id):
        with transaction.atomic():
            Parcel.objects.get_or_create(number=pk)
            Job.objects.filter(pk=pk).update(state="done")


specimen = Specimen(
    flaw=lambda bench: flawed.delay(1),
    repair=lambda bench: repaired.delay(1),
    verdict="lost",
    found_by=("kills",),
    within=2,
)
