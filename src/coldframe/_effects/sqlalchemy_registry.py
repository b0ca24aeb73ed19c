"""Scoped sessions: each process has its own, as each has threads of its own."""

from __future__ import annotations

import weakref
from contextlib import ExitStack
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from coldframe._core.fibers import Process
from coldframe._effects.families import put

if TYPE_CHECKING:
    from coldframe._bench.opening import OpenBench


def watch_registries(stack: ExitStack, opened: OpenBench) -> None:
    """Let what `scoped_session` keeps for a thread belong to one process until the stack closes."""
    from sqlalchemy.util import ThreadLocalRegistry

    scheduler = opened.scheduler
    test = scheduler.main.process
    slot: Any = ThreadLocalRegistry.registry  # its storage has a slot in the base class
    spaces: dict[Process, weakref.WeakKeyDictionary[Any, SimpleNamespace]] = {}

    def of_registry(self: Any) -> Any:
        process = scheduler.current.process
        if process is test or not scheduler.is_own_thread():
            return slot.__get__(self)
        space = spaces.setdefault(process, weakref.WeakKeyDictionary())
        if self not in space:
            space[self] = SimpleNamespace()
        return space[self]

    def end_of(process: Process) -> None:
        spaces.pop(process, None)

    scheduler.before_kill.append(end_of)
    stack.callback(spaces.clear)
    put(stack, ThreadLocalRegistry, "registry", property(of_registry, slot.__set__))
