"""Tasks that send text messages, one of them twice if its worker dies."""

from __future__ import annotations

import coldframe
from shop.celery import app

told: set[str] = set()


@app.task(name="shop.tell")
def tell(name):
    """Sends, and remembers it too late."""
    print("telling", name)
    with coldframe.effect("sms", f"to {name}"):
        pass
    told.add(name)


@app.task(name="shop.tell_once")
def tell_once(name):
    """Sends with a key by which the gateway knows the message."""
    with coldframe.effect("sms", f"to {name}", key=name):
        pass
    told.add(name)


@app.task(name="shop.tell_all")
def tell_all(names):
    """What beat sends."""
    for name in names:
        tell_once(name)


def forget():
    """Nobody was told."""
    told.clear()
