"""Seats are counted, then one is taken.

Two guests see the last seat free, and both have it. A lock on the show lets one look at a time.
"""

from __future__ import annotations

from django.db import transaction

from specimens.celery import app
from specimens.models import Guest, Show
from specimens.specimen import Specimen


@app.task
def flawed(pk, name):
    show = Show.objects.get(pk=pk)
    seated = Guest.objects.filter(is_seated=True).count()  # <- before
    Guest.objects.get_or_create(name=name, defaults={"is_seated": seated < show.seats})  # <- after


@app.task
def repaired(pk, name):
    with transaction.atomic():
        show = Show.objects.select_for_update().get(pk=pk)
        seated = Guest.objects.filter(is_seated=True).count()
        Guest.objects.get_or_create(name=name, defaults={"is_seated": seated < show.seats})


def one_of_two_has_the_seat(bench):
    """One of two has the seat, and both have an answer."""
    assert sorted(guest.is_seated for guest in Guest.objects.all()) == [False, True]


specimen = Specimen(
    flaw=lambda bench: (flawed.delay(1, "ada"), flawed.delay(1, "bob")),
    repair=lambda bench: (repaired.delay(1, "ada"), repaired.delay(1, "bob")),
    verdict="diverged",
    found_by=("overlaps",),
    within=60,
    promises=(one_of_two_has_the_seat,),
)
