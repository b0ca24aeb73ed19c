"""A charge is tried again without a key, after a timeout that said nothing about whether it had gone through."""

from __future__ import annotations

from urllib.request import Request, urlopen

from specimens.celery import app
from specimens.models import Order
from specimens.specimen import Specimen

URL = "http://pay.example/charges"


@app.task(autoretry_for=(OSError,))
def flawed(number):
    if Order.objects.filter(number=number, state="new").exists():
        urlopen(Request(URL, b"30", method="POST"))  # <- before
        Order.objects.filter(number=number).update(state="paid")  # <- after


@app.task(autoretry_for=(OSError,))
def repaired(number):
    if Order.objects.filter(number=number, state="new").exists():
        urlopen(Request(URL, b"30", {"Idempotency-Key": f"order {number}"}, method="POST"))
        Order.objects.filter(number=number).update(state="paid")


def scenario(task):
    def play(bench):
        bench.http("POST", URL, status=201)
        task.delay(1)

    return play


specimen = Specimen(
    flaw=scenario(flawed),
    repair=scenario(repaired),
    verdict="duplicated",
    found_by=("kills", "overlaps", "failures"),
    within=2,
)
