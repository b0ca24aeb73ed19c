"""What a test did under eager mode: the first run of eager-swap, with which the second is compared."""

from __future__ import annotations

import socket
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from coldframe._celery.eager import EagerRun, EagerWatch, ReadWatch, watch_eager, watch_reading
from coldframe.testing.eager_commits import WatchedCallback, watch_commits

if TYPE_CHECKING:
    from celery import Celery, Task


@dataclass(slots=True)
class EagerLog(EagerWatch):
    """What ran inside the calls that sent it, and what waited for a commit that never came.

    Attributes:
        callbacks: The `on_commit` callbacks, each with whether it ran.
        reached: The hosts that the test reached for.
        values_read: The ids of the tasks whose value was read from what sending gave.
        looked_up: The ids of the tasks whose result was looked for in the result store.
    """

    runs: list[EagerRun] = field(default_factory=list)
    by_name: list[str] = field(default_factory=list)
    callbacks: list[WatchedCallback] = field(default_factory=list)
    reached: dict[str, None] = field(default_factory=dict)
    apps: list[Celery] = field(default_factory=list)
    has_chord: bool = False
    values_read: set[str] = field(default_factory=set)
    looked_up: set[str] = field(default_factory=set)

    def called(self, app: Celery, task: Task, args: Any, kwargs: Any, options: dict[str, Any]) -> None:
        """Remember which app it was."""
        if not any(app is known for known in self.apps):
            self.apps.append(app)

    def begins(self, app: Celery, task: Task) -> None:
        """Remember which app it was: the parts of a canvas are not called one by one."""
        self.called(app, task, (), {}, {})

    def ran(self, run: EagerRun) -> None:
        """Remember the try."""
        self.runs.append(run)

    def chorded(self) -> None:
        """Remember that there was one."""
        self.has_chord = True

    def sent(self, app: Celery, name: str) -> None:
        """Remember the name, and the app."""
        self.by_name.append(name)

    def forget(self) -> None:
        """Begin anew: what classes and modules of tests set up is not the test's, and is set up once."""
        for noted in (self.runs, self.by_name, self.callbacks):
            noted.clear()
        self.has_chord = False

    @property
    def is_empty(self) -> bool:
        """Whether nothing happened that could differ on a bench."""
        return not (self.runs or self.callbacks)

    @property
    def tasks(self) -> frozenset[str]:
        """The names of the tasks that ran."""
        return frozenset(run.name for run in self.runs)

    @property
    def failed(self) -> frozenset[str]:
        """The names of the tasks of which the caller saw a failure."""
        return frozenset(run.name for run in self.runs if run.state == "FAILURE")

    @property
    def committed(self) -> int:
        """How many `on_commit` callbacks ran."""
        return sum(callback.ran for callback in self.callbacks)


def keep_log(stack: ExitStack, log: EagerLog) -> None:
    """Fill the log until the stack closes."""
    watch_eager(stack, log)
    watch_reading(stack, ReadWatch(lambda task_id, value: log.values_read.add(task_id), log.looked_up.add))
    watch_commits(stack, log.callbacks)
    _watch_network(stack, log)


def _watch_network(stack: ExitStack, log: EagerLog) -> None:
    """What the test may reach under eager mode, it may reach on the bench."""
    getaddrinfo, connect = socket.getaddrinfo, socket.socket.connect

    def looked_up(host: Any, *args: Any, **kwargs: Any) -> Any:
        if isinstance(host, str):
            log.reached[host.lower()] = None
        return getaddrinfo(host, *args, **kwargs)

    def connected(self: socket.socket, address: Any, /) -> None:
        if isinstance(address, tuple):
            log.reached[str(address[0]).lower()] = None
        connect(self, address)

    stack.callback(setattr, socket, "getaddrinfo", getaddrinfo)
    socket.getaddrinfo = looked_up
    stack.callback(delattr, socket.socket, "connect")
    socket.socket.connect = connected  # type: ignore[assignment, method-assign]
