"""A message, and a bench on which a task sends it."""

from __future__ import annotations

from collections.abc import Callable
from email.message import EmailMessage
from typing import Any

from celery import Celery
from watching import define

from coldframe import Bench

ADA, BOB = "ada@example.com", "bob@example.com"
SERVER = "smtp.example.com"


def message(*recipients: str) -> EmailMessage:
    """A receipt."""
    made = EmailMessage()
    made["From"], made["To"] = "Shop <shop@example.com>", ", ".join(recipients)
    made["Subject"] = "Your receipt"
    made.set_content("Thank you!\n.\n")
    return made


def run(app: Celery, body: Callable[..., Any], prepare: Callable[[Bench], None] | None = None, **options: Any) -> Bench:
    """A bench on which a task with this body has run."""
    task = define(app, body)
    with Bench(app, failures="collect", **options) as bench:
        if prepare:
            prepare(bench)
        task.delay()
        bench.drain()
    return bench
