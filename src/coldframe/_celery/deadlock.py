"""Notices tasks that wait for results which nobody is left to bring."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from coldframe._broker.profiles import Redis
from coldframe._core.moments import SECOND
from coldframe.errors import NeverReady

if TYPE_CHECKING:
    from coldframe._celery.tracer import Attempt
    from coldframe._celery.world import World

#: After so much virtual time in which nothing happens, nothing will: longer than Redis keeps a message back.
PATIENCE = 2 * 3600 * SECOND


class Deadlock:
    """Knows which tasks wait for results without a limit."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._waiting: dict[Attempt, Any] = {}
        self._quiet_since = (0, 0)
        profile = world.broker.profile
        self._patience = PATIENCE + (round(profile.visibility_timeout * SECOND) if isinstance(profile, Redis) else 0)

    @contextmanager
    def waiting(self, result: Any, timeout: float | None) -> Iterator[None]:
        """While a task waits for a result."""
        attempt = self._world.attempt()
        if attempt is None or timeout is not None or attempt in self._waiting:
            yield
            return
        self._waiting[attempt] = result
        try:
            yield
        finally:
            self._waiting.pop(attempt, None)

    def check(self) -> None:
        """Raise if all tasks that run wait for results, and nothing else has happened for long.

        Raises:
            NeverReady: The tasks will wait for ever.
        """
        if not self._waiting:
            return
        now, seen = self._world.scheduler.now, len(self._world.trace)
        since, before = self._quiet_since
        if seen != before or not self._all_wait():
            self._quiet_since = (now, seen)
        elif now - since > self._patience:
            raise self._error()

    def _all_wait(self) -> bool:
        nodes = self._world.nodes.values()
        running = [attempt for node in nodes for attempt in node.running()]
        is_due = any(node.containers.scheduled_requests for node in nodes)
        return bool(running) and not is_due and all(attempt in self._waiting for attempt in running)

    def _error(self) -> NeverReady:
        attempt, result = next((attempt, result) for attempt, result in self._waiting.items() if not attempt.ended)
        return NeverReady(
            f"task {attempt.task} [{attempt.task_id[:8]}] on node {attempt.node.name!r} waits for {result!r}, "
            f"which will never come: each of the {len(self._waiting)} tasks that run waits for another",
            hint="in production it would block its pool process for ever: use a chain or a chord in place of get(), "
            "or let the tasks that it waits for run on a node of their own",
        )
