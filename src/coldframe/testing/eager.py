"""Eager mode with open eyes: a step for suites that move to a bench, with warnings of what it hides."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from coldframe._celery.apps import declared_queues, find_app
from coldframe._celery.eager import EagerRun, EagerWatch, ReadWatch, turn_on, watch_eager, watch_reading
from coldframe._celery.on_the_way import (
    Changed,
    Stopped,
    argument_fate,
    result_fate,
    route_of,
    seconds_between,
    seconds_until,
)
from coldframe._core.clock import real_perf_counter
from coldframe._core.plain import error_label, stable_repr
from coldframe._looking.wording import shorten, times
from coldframe.testing.eager_commits import WatchedCallback, waiting_callbacks, watch_commits

if TYPE_CHECKING:
    import pytest
    from celery import Celery, Task

#: Whose lines are not the user's.
MACHINERY = ("celery", "kombu", "coldframe", "contextlib", "functools")
VALUE_WIDTH = 50


class EagerHides(UserWarning):
    """Eager mode hides something in this very test."""


@dataclass(frozen=True, slots=True)
class Hidden:
    """One thing that eager mode hid.

    Attributes:
        kind: `queue`, `countdown`, `expires`, `argument`, `result`, `error`, `retry`, `time limit`, `rate limit`,
            `ignored result`, `state by id`, `send_task` or `on_commit`.
        task: The name of the task that it is about.
        text: What a worker would have done.
    """

    kind: str
    task: str
    text: str

    def __str__(self) -> str:
        return self.text


@dataclass(slots=True)
class Eager:
    """The open block: its app, and what eager mode hid so far."""

    app: Celery
    hidden: list[Hidden] = field(default_factory=list)

    def kinds(self) -> list[str]:
        """The kinds of what was hidden, each once, in order."""
        return list(dict.fromkeys(found.kind for found in self.hidden))


@contextmanager
def celery_eager(app: Celery | str, *, propagates: bool = True) -> Iterator[Eager]:
    """Switch an app to eager mode for a block, and warn of what that hides in the block.

    Example:
        >>> with celery_eager(app) as eager:          # doctest: +SKIP
        ...     notify.apply_async(countdown=60)
        >>> eager.kinds()                             # doctest: +SKIP
        ['countdown']

    Args:
        app: The app, or its path such as `"proj.celery:app"`.
        propagates: Whether what a task raises is raised in the caller (`task_eager_propagates`).
    """
    found = find_app(app)
    eager = Eager(found)
    with ExitStack() as stack:
        watch = _Watch(eager)
        turn_on(stack, found, propagates=propagates)
        watch_eager(stack, watch)
        watch_reading(stack, ReadWatch(watch.value_read, watch.state_read))
        watch_commits(stack, watch.callbacks)
        yield eager
        watch.end()


@contextmanager
def eager_for(request: pytest.FixtureRequest) -> Iterator[Eager]:
    """Eager mode on the project's app, for the fixture `celery_eager`."""
    from coldframe.testing._fixture.options import options_of
    from coldframe.testing._project import project_app

    is_marked = request.node.get_closest_marker("django_db") is not None
    if is_marked and request.config.pluginmanager.has_plugin("django"):
        request.getfixturevalue("db")
    named = options_of(request.node).app
    with celery_eager(project_app(named if named is not None else request.getfixturevalue("coldframe_app"))) as eager:
        yield eager


class _Watch(EagerWatch):
    """Compares what eager mode does with what a worker would do."""

    def __init__(self, eager: Eager) -> None:
        self._eager = eager
        self._declared = declared_queues(eager.app)
        self._started: list[float] = []
        self._first_runs: dict[str, tuple[float, int]] = {}
        self._ignored: dict[str, str] = {}
        self._ids: dict[str, str] = {}
        self.callbacks: list[WatchedCallback] = []

    # --- a call -----------------------------------------------------------------------------------------

    def called(self, app: Celery, task: Task, args: Any, kwargs: Any, options: dict[str, Any]) -> None:
        if app is self._eager.app:
            self._look_at_message(task, args, kwargs, options)

    def _look_at_message(self, task: Task, args: Any, kwargs: Any, options: dict[str, Any]) -> None:
        app, name = self._eager.app, str(task.name)
        try:
            route = route_of(app, task, args, kwargs, options)
        except Exception as error:
            self._hide("queue", name, f"{name} cannot be routed: {error_label(error)}")
        else:
            if route.queue is None or route.queue not in self._declared:
                where = f"to queue {route.queue!r}" if route.queue else "to an exchange"
                self._hide(
                    "queue",
                    name,
                    f"{name} goes {where} ({route.because}), and the app declares {_listed(self._declared)} only: a "
                    "worker without -Q never reads it",
                )
        self._look_at_times(name, options)
        self._look_at_arguments(name, args, kwargs, options)

    def _look_at_times(self, name: str, options: dict[str, Any]) -> None:
        app = self._eager.app
        countdown, eta = options.get("countdown"), options.get("eta")
        delay = float(countdown) if countdown else seconds_until(app, eta) if eta else 0.0
        if delay > 0:
            self._hide("countdown", name, f"{name} is due in {delay:g} s; eager mode runs it now")
        expires = options.get("expires")
        if expires is not None and (left := seconds_until(app, expires)) <= 0:
            self._hide("expires", name, f"{name} expired {-left:g} s ago: a worker discards it; eager mode runs it")

    def _look_at_arguments(self, name: str, args: Any, kwargs: Any, options: dict[str, Any]) -> None:
        fate = argument_fate(self._eager.app, args, kwargs, options.get("serializer"))
        if isinstance(fate, Stopped):
            self._hide("argument", name, f"the arguments of {name} cannot be sent: {fate.error}")
        elif isinstance(fate, Changed):
            self._hide("argument", name, f"{fate.where} of {name}: {_change(fate)}")

    # --- a run ------------------------------------------------------------------------------------------

    def begins(self, app: Celery, task: Task) -> None:
        now = real_perf_counter()
        self._started.append(now)
        wait = seconds_between(task.rate_limit)
        if app is self._eager.app and wait:
            first, count = self._first_runs.get(task.name, (now, 0))
            self._first_runs[task.name] = (first, count + 1)
            if now - first < wait * count:
                self._hide(
                    "rate limit",
                    task.name,
                    f"{task.name} has a rate limit of {task.rate_limit}: run {count + 1} would come {wait:g} s later",
                )

    def ran(self, run: EagerRun) -> None:
        took = real_perf_counter() - self._started.pop()
        if run.app is not self._eager.app:
            return
        if run.retries and run.options.get("countdown"):
            self._retried(run.name, run.options["countdown"])
        elif run.is_part and not run.retries:
            self._look_at_message(run.task, run.args, run.kwargs, run.options)
        self._look_at_limits(run, took)
        if run.error is not None:
            self._raised(run, run.error)
        elif run.result is not None:
            self._returned(run, run.result)

    def _look_at_limits(self, run: EagerRun, took: float) -> None:
        for name in ("soft_time_limit", "time_limit"):
            limit = run.options.get(name) or getattr(run.task, name)
            if limit and took > limit:
                words = name.replace("_", " ")
                self._hide("time limit", run.name, f"{run.name} took {took:.1f} s and has a {words} of {limit:g} s")
                return

    def _raised(self, run: EagerRun, error: BaseException) -> None:
        if type(error).__name__ == "Retry":
            self._retried(run.name, getattr(error, "when", None))
        else:
            self._hide(
                "error",
                run.name,
                f"{run.name} raised {error_label(error)} in its caller: a worker stores it in the result, and delay() "
                "raises nothing",
            )

    def _retried(self, name: str, delay: Any) -> None:
        self._hide("retry", name, f"{name} is tried again {_later(delay)}; eager mode does not wait")

    def _returned(self, run: EagerRun, result: Any) -> None:
        self._ids[result.id] = run.name
        value = result._result  # noqa: SLF001 - reading it the public way is what is watched
        if run.state != "SUCCESS" or value is None:
            return
        if run.options.get("ignore_result", run.task.ignore_result):
            self._ignored[result.id] = run.name
            return
        fate = result_fate(run.app, value)
        if isinstance(fate, Stopped):
            self._hide(
                "result", run.name, f"the result of {run.name} cannot be stored, and the task fails: {fate.error}"
            )
        elif isinstance(fate, Changed):
            self._hide("result", run.name, f"{fate.where} of {run.name}: {_change(fate)}")

    # --- what else --------------------------------------------------------------------------------------

    def sent(self, app: Celery, name: str) -> None:
        if app is self._eager.app:
            self._hide("send_task", name, f"send_task({name!r}) knows no eager mode: it goes to the broker")

    def value_read(self, task_id: str, value: Any) -> None:
        """The value of a result was read."""
        if task_id in self._ignored:
            name = self._ignored[task_id]
            self._hide("ignored result", name, f"{name} ignores its result: a worker gives None, not {_short(value)}")

    def state_read(self, task_id: str) -> None:
        """A result was looked up by the id of its task."""
        if task_id in self._ids:
            name = self._ids[task_id]
            self._hide("state by id", name, f"{name} ran, but eager mode stores nothing: AsyncResult(id) stays PENDING")

    def end(self) -> None:
        """The block is over: look at what still waits."""
        waiting = waiting_callbacks(self.callbacks)
        if waiting:
            count = times(len(waiting), "on_commit callback")
            self._hide("on_commit", "", f"{count} never ran: the transaction of a test is never committed")

    def _hide(self, kind: str, task: str, text: str) -> None:
        if any(found.kind == kind and found.task == task for found in self._eager.hidden):
            return
        self._eager.hidden.append(Hidden(kind, task, text))
        warnings.warn(EagerHides(f"eager mode hides: {text}"), stacklevel=_level_of_user())


def _level_of_user() -> int:
    """How many frames up the first line is that is neither ours nor Celery's."""
    level, frame = 1, sys._getframe(1)  # noqa: SLF001 - the documented way
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] in MACHINERY:
        level, frame = level + 1, frame.f_back
    return level


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(map(repr, names))


def _change(fate: Changed) -> str:
    return f"{_short(fate.sent)} arrives as {_short(fate.arrives)}"


def _later(delay: Any) -> str:
    return f"after {delay:g} s" if isinstance(delay, (int, float)) else "later"


def _short(value: object) -> str:
    return shorten(stable_repr(value), VALUE_WIDTH)
