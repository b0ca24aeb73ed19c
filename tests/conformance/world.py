"""The world that a scenario runs in: what it can do, and what it can see.

There is a world over real brokers and worker processes (`world_real`) and one over the bench
(`world_bench`). Scenarios know only `World`, so they run unchanged on both.
"""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import proj
from celery import Celery, Signature
from celery.result import AsyncResult

SEEN_BY_THE_NODE = ("received", "revoked", "unknown", "rejected")
SEEN_BY_EITHER = ("failure", "retry")
LIMIT = 20.0
AFTERTHOUGHT = 0.2


@dataclass(frozen=True, slots=True)
class Observation:
    """Something that a task, or a listener to Celery's signals, saw."""

    at: float
    what: str
    label: str | None
    node: str | None
    info: Mapping[str, Any]
    pid: int
    in_task: bool

    @property
    def side(self) -> str:
        """Who saw it: the parent of a node, or one of its pool processes."""
        by_the_parent = self.what in SEEN_BY_THE_NODE or (self.what in SEEN_BY_EITHER and not self.in_task)
        return "node" if by_the_parent else "process"


@dataclass(frozen=True, slots=True)
class Scenario:
    """One behaviour: a function that makes it happen and returns what could be observed of it.

    The docstring of the function adds what its name does not say; where the brokers differ, it has a line for each
    that begins with `Redis:` or `RabbitMQ:`.
    """

    run: Callable[[World], Any]
    config: Mapping[str, Any] = field(default_factory=dict)
    brokers_agree: bool = True

    @property
    def name(self) -> str:
        """The name of the scenario, which is a sentence."""
        return self.run.__name__

    @property
    def description(self) -> str:
        """What the name does not say; empty when it says it all."""
        return inspect.getdoc(self.run) or ""


SCENARIOS: dict[str, Scenario] = {}


def scenario(*, brokers_agree: bool = True, **config: Any) -> Callable[[Callable[[World], Any]], Scenario]:
    """Register a scenario, with the settings of its app, and whether both brokers come to the same."""

    def register(run: Callable[[World], Any]) -> Scenario:
        made = Scenario(run, config, brokers_agree)
        SCENARIOS[made.name] = made
        return made

    return register


class NeverHappened(AssertionError):
    """A scenario waited for something that did not happen within its limit."""


class World(ABC):
    """What a scenario can do and see, on whatever it runs."""

    def __init__(self, app: Celery, broker: str) -> None:
        self.app = app
        self.broker = broker
        self.nodes: list[str] = []

    @abstractmethod
    def start_node(self, name: str, queues: Sequence[str], concurrency: int, prefetch_multiplier: int) -> None:
        """Bring a node up, and return when it consumes."""

    @abstractmethod
    def wait(self, span: float) -> None:
        """Let a span of time, in seconds, go by."""

    @abstractmethod
    def until(self, condition: Callable[[], bool], limit: float = LIMIT) -> None:
        """Let time go by until `condition()` holds; fail when it does not within `limit` seconds."""

    @abstractmethod
    def kill_node(self, name: str) -> None:
        """Kill a node with all its pool processes, as SIGKILL does."""

    @abstractmethod
    def kill_pool_process(self, label: str) -> None:
        """Kill the pool process in which a task was last seen to start."""

    @abstractmethod
    def cut_connection(self, name: str) -> None:
        """Break the connections of a node to its broker; it may connect again at once."""

    @abstractmethod
    def stop_node(self, name: str) -> None:
        """Ask a node for a warm shutdown, and return when it is gone."""

    @abstractmethod
    def records(self) -> list[proj.Record]:
        """Everything that was observed, in the order of time."""

    @abstractmethod
    def started_at(self) -> float:
        """The moment at which the scenario began."""

    def node(
        self, name: str = "n1", *, queues: Sequence[str] = ("work",), concurrency: int = 1, prefetch_multiplier: int = 4
    ) -> None:
        """Bring a node up."""
        self.nodes.append(name)
        self.start_node(name, queues, concurrency, prefetch_multiplier)

    def sig(self, task: str, label: str, *args: Any, **options: Any) -> Signature[Any]:
        """A signature of a task of the project, with the label as its id; it ignores what its parent returns."""
        return self.app.signature(task, args=args, immutable=True).set(task_id=label, **options)

    def sig_after(self, task: str, label: str, *args: Any, **options: Any) -> Signature[Any]:
        """A signature that gets what its parent returns as its first argument."""
        return self.app.signature(task, args=args).set(task_id=label, **options)

    def send(self, task: str, label: str, *args: Any, **options: Any) -> None:
        """Send a task of the project."""
        self.sig(task, label, *args, **options).apply_async()

    def send_unregistered(self, task: str, label: str) -> None:
        """Send a task that no worker knows."""
        self.app.send_task(task, task_id=label)

    def observations(self) -> list[Observation]:
        """Everything that was observed, with times since the scenario began and nodes by their names."""
        start = self.started_at()
        return [
            Observation(
                at=each["at"] - start,
                what=each["what"],
                label=each["label"],
                node=self._name_of(each["node"]),
                info=each["info"],
                pid=each["pid"],
                in_task=each["in_task"],
            )
            for each in self.records()
        ]

    def _name_of(self, hostname: str | None) -> str | None:
        parts = (hostname or "").split("@")
        return next((name for name in self.nodes if name in parts), hostname)

    def seen(self, what: str, label: str | None = None) -> list[Observation]:
        """The observations of one kind, of one task or of all."""
        return [each for each in self.observations() if each.what == what and label in (None, each.label)]

    def until_seen(self, what: str, label: str | None = None, *, times: int = 1, limit: float = LIMIT) -> None:
        """Let time go by until something was observed often enough."""
        self.until(lambda: len(self.seen(what, label)) >= times, limit)

    def until_ready(self, *labels: str, limit: float = LIMIT) -> None:
        """Let time go by until tasks have their final states."""
        self.until(lambda: all(self.result(label).ready() for label in labels), limit)

    def story(self, label: str) -> dict[str, list[Any]]:
        """What happened to a task, in order: what its node saw, and what its pool process saw.

        The two are kept apart, because their order among each other is up to the operating system.
        """
        told: dict[str, list[Any]] = {"node": [], "process": []}
        for each in self.observations():
            if each.label == label:
                told[each.side].append([each.what, dict(each.info)] if each.info else each.what)
        return told

    def starts(self, label: str | None = None) -> list[float]:
        """The seconds after the scenario began at which attempts started."""
        return [each.at for each in self.seen("start", label)]

    def nodes_of(self, label: str) -> list[str | None]:
        """The nodes on which attempts at a task started."""
        return [each.node for each in self.seen("start", label)]

    def order(self, what: str = "start") -> list[str | None]:
        """The labels of one kind of observation, in the order of time."""
        return [each.label for each in self.seen(what)]

    def result(self, label: str) -> AsyncResult[Any]:
        """A fresh look at the result of a task."""
        return AsyncResult(label, app=self.app)

    def outcome(self, label: str) -> list[str]:
        """The state of a task, and its result as text."""
        result = self.result(label)
        return [result.state, proj.said(result.result)]

    def told(self, *labels: str) -> dict[str, Any]:
        """The stories and outcomes of tasks: what most scenarios return.

        A result is there a moment before the signals that follow it, so these get some time.
        """
        self.wait(AFTERTHOUGHT)
        return {label: {**self.story(label), "outcome": self.outcome(label)} for label in labels}
