"""Where the time of one task goes, by package."""

from __future__ import annotations

import cProfile
import pstats
import sysconfig
from collections import Counter
from collections.abc import Callable
from pathlib import PurePath

from projects import BACKENDS, BROKERS, one_task, trivial

from coldframe import Bench

TASKS = 1000
#: The parts of Coldframe that are told apart.
PARTS = {"_broker": "simulated broker", "_core": "trace, scheduler, clock", "_bench": "trace, scheduler, clock"}
STDLIB = sysconfig.get_paths()["stdlib"]

Function = tuple[str, int, str]


def measure() -> dict[str, dict[str, float]]:
    """For publishing and running, the share of each package in the profile."""
    app = trivial("shares", broker=BROKERS["rabbitmq"], backend=BACKENDS["redis"])
    task = one_task(app)
    with Bench(app) as bench:
        task.delay(0, 1)
        bench.settle()

        def publish() -> None:
            for number in range(TASKS):
                task.delay(number, 1)

        return {"publish": _shares(publish), "run": _shares(lambda: bench.settle())}


def _shares(work: Callable[[], object]) -> dict[str, float]:
    profile = cProfile.Profile()
    profile.runcall(work)
    spent: Counter[str] = Counter()
    for function, (_, _, own, _, callers) in pstats.Stats(profile).stats.items():  # type: ignore[attr-defined]
        if _package(function):
            spent[_package(function)] += own
            continue
        # Built-in functions and the standard library count for who calls them.
        known = {caller: part[2] for caller, part in callers.items() if _package(caller)}
        for caller, share in known.items():
            spent[_package(caller)] += share
        if not known:
            spent["standard library"] += own
    total = sum(spent.values())
    return {name: part / total for name, part in spent.most_common()}


def _package(function: Function) -> str:
    parts = PurePath(function[0]).parts
    if "coldframe" in parts:
        return PARTS.get(parts[parts.index("coldframe") + 1], "transport, pool, node")
    for name in ("celery", "kombu", "billiard", "redis", "vine"):
        if name in parts and "site-packages" in parts:
            return "celery, kombu and their libraries"
    return ""
