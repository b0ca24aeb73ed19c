"""Publishing and running a trivial task, against eager mode."""

from __future__ import annotations

from celery import Celery
from measuring import Row, Section, cpu_seconds, each, interleaved, micros
from projects import BACKENDS, BROKERS, one_task, trivial

from coldframe import Bench

ROUNDS = 7
TASKS = 1000
WARM_UP = 50
TARGET = 8


def measure() -> Section:
    rows = [
        _compare(
            trivial(f"eager_{profile}_{backend.partition('+')[0]}", broker=url, backend=BACKENDS[backend]),
            profile,
            backend,
        )
        for backend in BACKENDS
        for profile, url in BROKERS.items()
    ]
    return Section("Publish and run a trivial task, against eager mode", tuple(rows))


def _compare(app: Celery, profile: str, backend: str) -> Row:
    published: list[float] = []
    bench, delay, apply = interleaved(
        ROUNDS, lambda: _on_bench(app, published), lambda: _eager_delay(app), lambda: _apply(app)
    )
    publish = sorted(published)[len(published) // 2]
    return Row(
        what=f"{profile}, results: {backend}",
        bench=f"{micros(bench)} (publish {micros(publish)}, run {micros(bench - publish)})",
        compared=f"eager delay {micros(delay)}, apply {micros(apply)}",
        ratio=f"1/{bench / delay:.1f} of delay, 1/{bench / apply:.1f} of apply",
        target=f"at least 1/{TARGET}",
        met=bench / apply <= TARGET,
    )


def _on_bench(app: Celery, published: list[float]) -> float:
    task = one_task(app)
    with Bench(app) as bench:
        each(WARM_UP, lambda number: task.delay(number, 1))
        bench.settle()
        publish = each(TASKS, lambda number: task.delay(number, 1))
        began = cpu_seconds()
        bench.settle()
        run = (cpu_seconds() - began) / TASKS
    published.append(publish)
    return publish + run


def _eager_delay(app: Celery) -> float:
    task = one_task(app)
    app.conf.task_always_eager = True
    try:
        return each(TASKS, lambda number: task.delay(number, 1))
    finally:
        app.conf.task_always_eager = False


def _apply(app: Celery) -> float:
    task = one_task(app)
    return each(TASKS, lambda number: task.apply((number, 1)))
