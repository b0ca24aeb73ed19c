"""What tests of adapters ask of a bench: what was touched, and that an effect fails or its process dies there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from celery import Celery

from coldframe import Bench
from coldframe.trace import Finished, Touched

#: Runs a function as a task; its second argument gets the bench before.
Run = Callable[..., Bench]

#: Effects that each run of a task has, whatever the task does.
OF_CELERY = frozenset({"publish", "result.write"})


def define(app: Celery, body: Callable[..., Any]) -> Any:
    """A task that calls a function, which may be a lambda."""

    def task() -> Any:
        return body()

    return app.task(name=f"shop.{body.__name__.strip('<>')}", shared=False)(task)


def run(app: Celery, body: Callable[[], Any], prepare: Callable[[Bench], object] = lambda bench: None) -> Bench:
    """Run a function as a task; `prepare` gets the bench before."""
    task = define(app, body)
    with Bench(app, failures="collect") as bench:
        prepare(bench)
        task.delay()
        bench.drain()
    return bench


def touched(bench: Bench, effect: str = "") -> list[Touched]:
    """The effects of one kind, or all but Celery's own."""
    events = [event for event in bench.trace if isinstance(event, Touched)]
    return [event for event in events if event.effect == effect or (not effect and event.effect not in OF_CELERY)]


def told(bench: Bench) -> list[str]:
    """All effects, each in a line with its outcome where that is not `done`."""
    return [
        " ".join([event.effect, event.what, *([] if event.outcome == "done" else [f"({event.outcome})"])])
        for event in touched(bench)
    ]


def answer(bench: Bench, effect: str, failure: str) -> None:
    """Let each effect of a kind fail in one of its ways."""

    def watch(touch: Any) -> None:
        if touch.effect == effect:
            touch.answer = touch.failures[failure]()

    gate_of(bench).before.append(watch)


def kill(bench: Bench, place: str, effect: str, *, times: int = 1) -> None:
    """Let the pool process die just before, or just after, the first effects of a kind."""
    left = [times]

    def watch(touch: Any) -> None:
        if touch.effect == effect and left[0]:
            left[0] -= 1
            touch.process.child.die(-9)

    getattr(gate_of(bench), place).append(watch)


def gate_of(bench: Bench) -> Any:
    """The gate of an open bench."""
    return bench._now_open.gate


def outcomes(bench: Bench) -> list[str]:
    """How the attempts at tasks ended."""
    return [event.state for event in bench.trace if isinstance(event, Finished)]


def error_of(bench: Bench) -> BaseException | None:
    """What the last attempt at a task failed with."""
    return [event for event in bench.trace if isinstance(event, Finished)][-1].exception
