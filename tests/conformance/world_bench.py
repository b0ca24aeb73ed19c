"""The bench as a world: the same scenarios in one process, under virtual time."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Self

import proj
from world import LIMIT, NeverHappened, Scenario, World

from coldframe import Bench
from coldframe._core.events import NodeChanged

START = "2026-01-05T09:00:00+00:00"
LOOK_EVERY = 0.02


class BenchWorld(World):
    """One scenario on a bench; as a context manager it leaves nothing behind."""

    def __init__(self, scenario: Scenario, broker: str) -> None:
        app = proj.make_app(
            broker,
            broker_url="redis://127.0.0.1:6379/0" if broker == "redis" else "amqp://127.0.0.1:5672//",
            result_url="redis://127.0.0.1:6379/0",
            config=scenario.config,
        )
        super().__init__(app, broker)
        self._records: list[proj.Record] = []
        self._start = 0.0
        self._bench = Bench(app, profile=broker, start=START, seed=0, failures="collect", unread="collect")

    def __enter__(self) -> Self:
        proj.set_sink(self._records.append)
        proj.connect_observers()
        self._bench.__enter__()
        self._start = self._bench.now.timestamp()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            self._bench.__exit__(kind, error, traceback)
        finally:
            proj.disconnect_observers()
            proj.set_sink(None)

    def start_node(self, name: str, queues: Sequence[str], concurrency: int, prefetch_multiplier: int) -> None:
        self._bench.node(name, queues=list(queues), concurrency=concurrency, prefetch_multiplier=prefetch_multiplier)
        self._bench.settle()
        self._start = self._bench.now.timestamp()

    def wait(self, span: float) -> None:
        self._bench.advance(seconds=span)

    def until(self, condition: Callable[[], bool], limit: float = LIMIT) -> None:
        self._bench.settle()
        for _ in range(math.ceil(limit / LOOK_EVERY)):
            if condition():
                return
            self._bench.advance(seconds=LOOK_EVERY)
        seen = [(each.what, each.label, each.info) for each in self.observations()]
        raise NeverHappened(f"not within {limit} s; seen so far: {seen}")

    def kill_node(self, name: str) -> None:
        self._bench.kill(name)

    def kill_pool_process(self, label: str) -> None:
        self._bench.kill_process(str(self.nodes_of(label)[-1]), task_id=label)

    def cut_connection(self, name: str) -> None:
        self._bench.disconnect(name)

    def stop_node(self, name: str) -> None:
        self._bench.stop(name)
        self.until(lambda: self._is_stopped(name))

    def _is_stopped(self, name: str) -> bool:
        changes = [each for each in self._bench.trace if isinstance(each, NodeChanged) and each.node == name]
        return changes[-1].change == "stopped"

    def records(self) -> list[proj.Record]:
        return list(self._records)

    def started_at(self) -> float:
        return self._start
