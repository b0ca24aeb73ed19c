"""What the checks of adapters ask of a bench."""

from __future__ import annotations

from contextlib import contextmanager

from shop import app

from coldframe import Bench
from coldframe.trace import Finished, Touched


@contextmanager
def running(body):
    """A bench, and a function as a task that has not been sent yet."""
    task = app.task(name=f"checks.{body.__name__}", shared=False)(body)
    try:
        with Bench(app, failures="collect") as bench:
            yield bench, task
    finally:
        app.tasks.pop(task.name)


def run(body, prepare=lambda bench: None):
    """The bench on which a function ran as a task."""
    with running(body) as (bench, task):
        prepare(bench)
        task.delay()
        bench.drain()
    return bench


def touched(bench, *effects):
    """The effects of some kinds."""
    return [event for event in bench.trace if isinstance(event, Touched) and event.effect in effects]


def error_of(bench):
    """What the task failed with."""
    return next(event for event in bench.trace if isinstance(event, Finished)).exception


def state_of(bench):
    """How the task ended."""
    return next(event for event in bench.trace if isinstance(event, Finished)).state


def answer(effect, failure):
    """Let each effect of a kind fail in one of its ways."""

    def watch(touch):
        if touch.effect == effect:
            touch.answer = touch.failures[failure]()

    return lambda bench: bench._now_open.gate.before.append(watch)


def kill(place, effect):
    """Let the pool process die just before, or just after, the effects of a kind."""

    def watch(touch):
        if touch.effect == effect:
            touch.process.child.die(-9)

    return lambda bench: getattr(bench._now_open.gate, place).append(watch)
