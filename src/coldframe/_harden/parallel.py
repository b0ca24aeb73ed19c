"""Broken runs in several processes: forked ones of our own, or whatever an executor has."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, ProcessPoolExecutor, wait
from contextlib import contextmanager
from itertools import count, islice

from coldframe._harden import jobs
from coldframe._harden.exploring import Done, Explorer, Known, Run
from coldframe._harden.jobs import Job
from coldframe._harden.plans import Plan, plan_to_text
from coldframe._harden.recipe import Recipe, recipe_of
from coldframe.errors import ScenarioError

#: How many jobs each process has: one that it does, and one that waits.
JOBS_EACH = 2

#: Numbers the scenarios of this process.
_numbers = count(1)


@contextmanager
def forked(explorer: Explorer, workers: int) -> Iterator[Run]:
    """Processes that are forked from this one, with all that is in memory; they end with the block."""
    context = multiprocessing.get_context("fork")
    with _offered(explorer) as key:
        pool = ProcessPoolExecutor(workers, mp_context=context, initializer=jobs.begin_fork)
        try:
            yield _Dealer(pool, workers, key, None, explorer.signature())
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


@contextmanager
def lent(explorer: Explorer, executor: Executor, workers: int | None) -> Iterator[Run]:
    """An executor of the user's; it goes on after the block."""
    in_flight = workers or getattr(executor, "_max_workers", None) or os.cpu_count() or 1
    with _offered(explorer) as key:
        dealer = _Dealer(executor, in_flight, key, recipe_of(explorer.scenario), explorer.signature())
        try:
            yield dealer
        finally:
            dealer.cancel()


@contextmanager
def _offered(explorer: Explorer) -> Iterator[str]:
    key = f"{os.getpid()}-{next(_numbers)}-{explorer.scenario.name}"
    jobs.offer(key, explorer)
    try:
        yield key
    finally:
        jobs.withdraw()


class _Dealer:
    """Keeps all processes busy, and gives what is done in the order of the plans."""

    def __init__(
        self, executor: Executor, workers: int, key: str, recipe: Recipe | None, expected: tuple[str, ...]
    ) -> None:
        self._executor = executor
        self._in_flight = workers * JOBS_EACH
        self._key = key
        self._recipe = recipe
        self._expected = expected
        self._running: dict[Future[Done], int] = {}

    def __call__(self, plans: list[Plan], known: Known) -> Iterator[tuple[Plan, Done]]:
        upcoming = iter(enumerate(plans))
        done: dict[int, Done] = {}
        for told, plan in enumerate(plans):
            while told not in done:
                for number, next_plan in islice(upcoming, self._in_flight - len(self._running)):
                    self._running[self._executor.submit(jobs.run_job, self._job(next_plan, known))] = number
                for future in wait(self._running, return_when=FIRST_COMPLETED).done:
                    number = self._running.pop(future)
                    done[number] = _result(future, plans[number])
            yield plan, done.pop(told)

    def _job(self, plan: Plan, known: Known) -> Job:
        before = {plan[:-1]: known[plan[:-1]]} if plan[:-1] in known else {}
        return Job(self._key, self._recipe, plan, before, self._expected)

    def cancel(self) -> None:
        """Begin nothing more."""
        for future in self._running:
            future.cancel()


def _result(future: Future[Done], plan: Plan) -> Done:
    try:
        return future.result()
    except BrokenExecutor as error:
        raise ScenarioError(
            f"a process ended while it ran the plan {plan_to_text(plan)}, or one next to it: {error}",
            hint="was it killed for want of memory? With workers=1 the same plan runs in this process",
        ) from error
