from __future__ import annotations

import uuid
from dataclasses import dataclass
from decimal import Decimal

from celery import Task
from celery.utils.log import get_task_logger

from courier.app import app

logger = get_task_logger(__name__)
DELIVERED: list[str] = []
LOST: list[str] = []


@dataclass
class Parcel:
    number: int


class Reporting(Task):
    """A base class with hooks, as projects write them."""

    def on_failure(self, exc, task_id, args, kwargs, einfo):
        LOST.append(str(exc))

    def on_success(self, retval, task_id, args, kwargs):
        DELIVERED.append(f"{self.name} done")


@app.task
def letter(to):
    DELIVERED.append(to)
    return to


@app.task
def freight(to):
    DELIVERED.append(to)


@app.task
def postcard(to, stamp=None):
    DELIVERED.append(f"card {to}")
    return {"to": to, "stamp": stamp}


@app.task(base=Reporting)
def checked(to):
    if not to:
        raise ValueError("no address")
    return to


@app.task
def price(weight):
    return Decimal("0.95") * weight


@app.task
def number():
    return uuid.UUID(int=7)


@app.task
def parcel(n):
    return Parcel(n)


@app.task
def open_parcel(content):
    return content.number


@app.task
def join(parts):
    DELIVERED.append("+".join(str(part) for part in parts))
    return parts


@app.task(bind=True)
def forward(self, to):
    return letter.delay(to).id


@app.task(bind=True, max_retries=5)
def flaky(self, succeed_at, countdown=0):
    DELIVERED.append(f"try {self.request.retries}")
    if self.request.retries < succeed_at:
        raise self.retry(countdown=countdown)
    return self.request.retries


@app.task(bind=True)
def kind_of_request(self):
    return self.request.is_eager


@app.task
def broken(*args):
    raise KeyError("broken")


@app.task
def mourn(request, exc, traceback):
    LOST.append(f"mourned {type(exc).__name__}")


@app.task(bind=True)
def replaced(self, to):
    raise self.replace(letter.s(to))


@app.task
def logs():
    logger.info("logged here")
