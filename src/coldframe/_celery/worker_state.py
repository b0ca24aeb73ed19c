"""`celery.worker.state` once per simulated process.

Celery keeps what a worker is doing in module globals, and other modules captured them by name and as default
arguments. While a bench is open each of these containers is replaced, wherever it was captured, by a stand-in
that forwards to the state of the process whose code is running.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, MutableSet
from typing import Any, ClassVar

from celery.utils.collections import LimitedSet
from celery.worker import state

CONTAINERS = (
    "requests",
    "reserved_requests",
    "active_requests",
    "scheduled_requests",
    "successful_requests",
    "total_count",
    "all_total_count",
    "revoked",
    "revoked_stamps",
)


class OrderedSet(MutableSet[Any]):
    """A set in the order of insertion: what Celery reports from a WeakSet is ordered by memory address."""

    def __init__(self, items: Iterable[Any] = ()) -> None:
        self._items: dict[Any, None] = dict.fromkeys(items)

    def add(self, item: Any) -> None:
        self._items[item] = None

    def discard(self, item: Any) -> None:
        self._items.pop(item, None)

    def update(self, *others: Iterable[Any]) -> None:
        for items in others:
            self._items.update(dict.fromkeys(items))

    def clear(self) -> None:
        self._items.clear()

    def __sub__(self, others: Iterable[Any]) -> OrderedSet:
        left = OrderedSet()
        left._items = {item: None for item in self._items if item not in others}
        return left

    def __contains__(self, item: Any) -> bool:
        return item in self._items

    def __iter__(self) -> Iterator[Any]:
        return iter(tuple(self._items))

    def __len__(self) -> int:
        return len(self._items)


class WorkerState:
    """The containers of `celery.worker.state` for one process."""

    current: ClassVar[WorkerState]

    def __init__(self) -> None:
        self.requests: dict[str, Any] = {}
        self.reserved_requests = OrderedSet()
        self.active_requests = OrderedSet()
        self.scheduled_requests = OrderedSet()
        self.successful_requests = LimitedSet(maxlen=state.SUCCESSFUL_MAX, expires=state.SUCCESSFUL_EXPIRES)
        self.total_count: Counter[str] = Counter()
        self.all_total_count = [0]
        self.revoked = LimitedSet(maxlen=state.REVOKES_MAX, expires=state.REVOKE_EXPIRES)
        self.revoked_stamps: dict[str, Any] = {}


WorkerState.current = WorkerState()


class Forwarding:
    """Stands in for one container of `celery.worker.state`."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        return getattr(getattr(WorkerState.current, self._name), attribute)


def _forward(operation: str) -> Any:
    def method(self: Forwarding, *args: Any) -> Any:
        return getattr(getattr(WorkerState.current, self._name), operation)(*args)

    method.__name__ = operation
    return method


for _operation in (
    *("__contains__", "__iter__", "__len__", "__getitem__", "__setitem__", "__delitem__", "__sub__"),
    *("__and__", "__or__", "__sub__", "__xor__"),
    *("add", "discard", "pop", "update", "clear", "get", "items", "keys", "values"),
):
    setattr(Forwarding, _operation, _forward(_operation))


def replacements() -> list[tuple[Any, Any]]:
    """Every container of `celery.worker.state` with the stand-in that replaces it."""
    return [(getattr(state, name), Forwarding(name)) for name in CONTAINERS if hasattr(state, name)]
