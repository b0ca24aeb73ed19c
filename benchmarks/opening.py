"""Opening and closing a bench, after the first."""

from __future__ import annotations

from celery import Celery
from measuring import Row, Section, cpu_seconds, interleaved, millis
from projects import one_task, trivial

from coldframe import Bench

ROUNDS = 25
LIMIT_S = 0.030


def measure() -> Section:
    return Section("Open and close a bench, after the first", tuple(_rows_for(tasks) for tasks in (5, 200)))


def _rows_for(tasks: int) -> Row:
    app = trivial(
        f"opening{tasks}", tasks=tasks, broker="amqp://broker.internal//", backend="redis://results.internal/1"
    )
    first = _with_task(app)
    empty, with_task = interleaved(ROUNDS, lambda: _empty(app), lambda: _with_task(app))
    return Row(
        what=f"an app of {tasks} tasks",
        bench=f"{millis(empty)}; with a node and one task {millis(with_task)}",
        compared=f"the first one {millis(first)}",
        ratio="",
        target=f"under {millis(LIMIT_S)}",
        met=with_task < LIMIT_S,
    )


def _empty(app: Celery) -> float:
    began = cpu_seconds()
    with Bench(app):
        pass
    return cpu_seconds() - began


def _with_task(app: Celery) -> float:
    began = cpu_seconds()
    with Bench(app):
        one_task(app).delay(1, 2).get()
    return cpu_seconds() - began
