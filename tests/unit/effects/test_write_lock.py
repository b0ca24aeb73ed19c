"""Write locks: one at a time, in the order in which they came, and not for those who would wait for themselves."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from coldframe._core.scheduler import Process, Scheduler
from coldframe._effects.write_lock import NeverFree, WriteLocks, path_of


class Bench:
    """A scheduler with locks, and what happened."""

    def __init__(self) -> None:
        self.scheduler = Scheduler(0)
        self.locks = WriteLocks(self.scheduler)
        self.told: list[tuple[int, str]] = []

    def tell(self, what: str) -> None:
        self.told.append((self.scheduler.now, what))

    def hold(self, name: str, seconds: int, key: str = "file") -> None:
        """Have the lock for a while."""
        self.locks.take(key, name)
        self.tell(f"{name} has it")
        self.scheduler.park(seconds)
        self.locks.release(key, name)

    def spawn(self, name: str, body: Callable[[], object]) -> Process:
        process = Process(name)
        self.scheduler.spawn(process, body)
        return process

    def run(self) -> None:
        self.scheduler.drive(lambda upcoming: upcoming is not None)


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_those_who_wait_come_in_their_order(bench: Bench) -> None:
    for name in ("a", "b", "c"):
        bench.spawn(name, lambda name=name: bench.hold(name, 10))
    bench.run()
    assert bench.told == [(0, "a has it"), (10, "b has it"), (20, "c has it")]


def test_who_comes_back_at_once_waits_behind_the_others(bench: Bench) -> None:
    bench.spawn("a", lambda: (bench.hold("a", 10), bench.hold("a", 10)))
    bench.spawn("b", lambda: bench.hold("b", 10))
    bench.run()
    assert bench.told == [(0, "a has it"), (10, "b has it"), (20, "a has it")]


def test_who_has_it_has_it_still(bench: Bench) -> None:
    bench.spawn("a", lambda: (bench.locks.take("file", "a"), bench.hold("a", 10)))
    bench.run()
    assert bench.told == [(0, "a has it")]
    assert bench.locks.holder("file") is None


def test_different_files_have_different_locks(bench: Bench) -> None:
    bench.spawn("a", lambda: bench.hold("a", 10, "one"))
    bench.spawn("b", lambda: bench.hold("b", 10, "two"))
    bench.run()
    assert bench.told == [(0, "a has it"), (0, "b has it")]


def test_the_dead_wait_for_nothing_and_hold_nothing(bench: Bench) -> None:
    first = bench.spawn("a", lambda: bench.hold("a", 10))
    second = bench.spawn("b", lambda: bench.hold("b", 10))
    third = bench.spawn("c", lambda: bench.hold("c", 10))
    bench.scheduler.before_kill.append(bench.locks.forget)
    bench.scheduler.call_at(5, lambda: bench.tell(str(bench.locks.waits())))
    bench.scheduler.call_at(6, lambda: bench.scheduler.kill(second))
    bench.scheduler.call_at(7, lambda: bench.scheduler.kill(first))
    bench.run()
    waits = str([(second, first), (third, first)]).replace(" (dead)", "")
    assert bench.told == [(0, "a has it"), (5, waits), (7, "c has it")]


def test_nobody_waits_for_himself(bench: Bench) -> None:
    def both() -> None:
        bench.locks.take("file", "first session")
        with pytest.raises(NeverFree, match="file"):
            bench.locks.take("file", "second session")
        bench.tell("no")

    bench.spawn("a", both)
    bench.run()
    assert bench.told == [(0, "no")]


def test_nobody_closes_a_circle(bench: Bench) -> None:
    def cross(name: str, mine: str, other: str) -> None:
        bench.locks.take(mine, name)
        bench.scheduler.park(5)
        try:
            bench.locks.take(other, name)
            bench.tell(f"{name} has both")
        except NeverFree:
            bench.tell(f"{name} gives up")
        for key in (mine, other):
            bench.locks.release(key, name)

    bench.spawn("a", lambda: cross("a", "one", "two"))
    bench.spawn("b", lambda: cross("b", "two", "one"))
    bench.run()
    assert bench.told == [(5, "b gives up"), (5, "a has both")]


def test_whose_wait_is_interrupted_has_lost_his_place(bench: Bench) -> None:
    def impatient() -> None:
        try:
            bench.hold("b", 10)
        except TimeoutError:
            bench.tell("b gives up")

    bench.spawn("a", lambda: bench.hold("a", 10))
    fiber = bench.scheduler.spawn(Process("b"), impatient)
    bench.spawn("c", lambda: bench.hold("c", 10))
    bench.scheduler.call_at(5, lambda: bench.scheduler.throw(fiber, TimeoutError()))
    bench.run()
    assert bench.told == [(0, "a has it"), (5, "b gives up"), (10, "c has it")]


def test_a_file_has_one_path_however_it_is_named(tmp_path: Path) -> None:
    assert path_of(f"{tmp_path}/./shop.sqlite3") == path_of(f"{tmp_path}/shop.sqlite3")
