"""Nobody looks at the status of an answer.

A client that raises nothing for a 500 or a 429 lets the task end well, and nothing was booked.
"""

from __future__ import annotations

from http.client import HTTPConnection

from specimens.celery import app
from specimens.specimen import Specimen


@app.task(autoretry_for=(OSError,))
def flawed(number):
    connection = HTTPConnection("books.example")
    connection.request("POST", "/entries", b"30", {"Idempotency-Key": f"order {number}"})
    connection.getresponse()  # <- after


@app.task(autoretry_for=(OSError,))
def repaired(number):
    connection = HTTPConnection("books.example")
    connection.request("POST", "/entries", b"30", {"Idempotency-Key": f"order {number}"})
    status = connection.getresponse().status
    if status >= 400:
        raise ConnectionError(f"order {number} is not booked: {status}")


def scenario(task):
    def play(bench):
        bench.http("POST", "http://books.example/entries", status=201)
        task.delay(1)

    return play


specimen = Specimen(
    flaw=scenario(flawed),
    repair=scenario(repaired),
    verdict="lost",
    found_by=("failures",),
    within=20,
)
