"""An error is logged, and the task ends well: its message is acked, and nobody tries again."""

from __future__ import annotations

import logging
from urllib.request import Request, urlopen

from specimens.celery import app
from specimens.models import Order
from specimens.specimen import Specimen

logger = logging.getLogger(__name__)

URL = "http://books.example/entries"


@app.task
def flawed(number):
    order = Order.objects.get(number=number)
    try:
        urlopen(Request(URL, b"30", {"Idempotency-Key": f"order {order.number}"}, method="POST"))  # <- after
    except OSError:
        logger.exception("order %s is not booked", number)


@app.task(autoretry_for=(OSError,))
def repaired(number):
    order = Order.objects.get(number=number)
    urlopen(Request(URL, b"30", {"Idempotency-Key": f"order {order.number}"}, method="POST"))


def scenario(task):
    def play(bench):
        bench.http("POST", URL, status=201)
        task.delay(1)

    return play


specimen = Specimen(
    flaw=scenario(flawed),
    repair=scenario(repaired),
    verdict="lost",
    found_by=("failures",),
    within=30,
)
