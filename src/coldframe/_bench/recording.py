"""A trace that tells listeners of each event as it is recorded."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from coldframe._core.events import Event
from coldframe._core.trace import MemoryTrace, Trace


class Recording:
    """Appends to a trace, then tells whoever listens for that type of event."""

    def __init__(self, store: Trace) -> None:
        self.store = store
        self._listeners: dict[type[Event], list[Callable[[Any], None]]] = {}

    def listen(self, kind: type[Event], listener: Callable[[Any], None]) -> None:
        """Call a listener with each event of a type."""
        self._listeners.setdefault(kind, []).append(listener)

    def release(self) -> None:
        """Let go of the events: a task that died in the middle stays in memory, and holds this."""
        self.store = MemoryTrace()
        self._listeners.clear()

    def append(self, event: Event) -> None:
        """Record an event."""
        self.store.append(event)
        for listener in self._listeners.get(type(event), ()):
            listener(event)

    def __iter__(self) -> Iterator[Event]:
        return iter(self.store)

    def __len__(self) -> int:
        return len(self.store)
