"""The entries of an app's beat schedule, each as something that can be sent at once."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any

from celery.beat import BeatLazyFunc, ScheduleEntry

from coldframe._celery.apps import import_tasks
from coldframe.errors import SetupError

if TYPE_CHECKING:
    from celery import Celery


def entry_names(app: Celery) -> list[str]:
    """The names of the entries, also of those that `add_periodic_task` adds when the app is complete."""
    return sorted(_schedule(app))


def send_entry(app: Celery, name: str) -> Any:
    """Send the task of an entry as beat does when it is due.

    Raises:
        SetupError: There is no such entry.
    """
    entry = _entry(app, name)
    args = [_evaluated(value) for value in entry.args or ()]
    kwargs = {key: _evaluated(value) for key, value in (entry.kwargs or {}).items()}
    task = app.tasks.get(entry.task)
    if task is not None:
        return task.apply_async(args, kwargs, **entry.options)
    return app.send_task(entry.task, args, kwargs, **entry.options)


def call_of_entry(app: Celery, name: str) -> str:
    """The line of Python that sends an entry's task, for people to paste."""
    entry = _entry(app, name)
    words = [repr(entry.task)]
    words += [f"args={entry.args!r}"] if entry.args else []
    words += [f"kwargs={entry.kwargs!r}"] if entry.kwargs else []
    words += [f"{option}={value!r}" for option, value in (entry.options or {}).items()]
    return f"bench.app.send_task({', '.join(words)})"


def _entry(app: Celery, name: str) -> ScheduleEntry:
    schedule = _schedule(app)
    if name not in schedule:
        near = difflib.get_close_matches(name, schedule, n=1)
        raise SetupError(
            f"the beat schedule has no entry {name!r}",
            hint=f"did you mean {near[0]!r}?"
            if near
            else f"it has: {', '.join(map(repr, sorted(schedule))) or 'none'}",
        )
    said = schedule[name]
    return said if isinstance(said, ScheduleEntry) else ScheduleEntry(**{**said, "name": name, "app": app})


def _evaluated(value: Any) -> Any:
    return value() if isinstance(value, BeatLazyFunc) else value


def _schedule(app: Celery) -> dict[str, Any]:
    import_tasks(app)
    return dict(app.conf.beat_schedule or {})
