"""The apps that are measured."""

from __future__ import annotations

from typing import Any

from celery import Celery
from celery.schedules import crontab

BROKERS = {"rabbitmq": "amqp://broker.internal//", "redis": "redis://broker.internal/0"}
BACKENDS = {"none": None, "cache+memory": "cache+memory://", "redis": "redis://results.internal/1"}


def trivial(name: str, *, tasks: int = 1, **settings: Any) -> Celery:
    """An app with some tasks `add0`, `add1`, … that do next to nothing."""
    app = Celery(name, set_as_current=False, **settings)
    for number in range(tasks):

        def add(x: int, y: int) -> int:
            return x + y

        add.__qualname__ = f"add{number}"
        app.task(add, name=f"{name}.add{number}", shared=False)
    app.finalize()
    return app


def scheduled() -> Celery:
    """An app with 30 entries: one every 15 minutes, nineteen daily, ten weekly."""
    app = trivial("scheduled")
    entries = {"quarter": crontab(minute="*/15")}
    entries |= {f"daily {hour}": crontab(minute=str(hour * 3), hour=str(hour)) for hour in range(19)}
    entries |= {f"weekly {day}": crontab(minute="5", hour=str(day), day_of_week=str(day % 7)) for day in range(10)}
    app.conf.beat_schedule = {
        name: {"task": "scheduled.add0", "schedule": entry, "args": (1, 2)} for name, entry in entries.items()
    }
    return app


def one_task(app: Celery) -> Any:
    return app.tasks[f"{app.main}.add0"]
