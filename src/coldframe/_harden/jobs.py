"""What another process does for harden: broken runs of a scenario, which it sets up once and keeps.

A forked process finds the scenario ready in its memory. Any other one makes it from its recipe, when the first job
arrives, and tells if it came out as another scenario.
"""

from __future__ import annotations

import atexit
import multiprocessing.util
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from coldframe._harden.exploring import Done, Explorer, Known
from coldframe._harden.plans import Plan
from coldframe._harden.project import clean_databases, temporary_databases
from coldframe._harden.recipe import Recipe
from coldframe.errors import ScenarioError


@dataclass(frozen=True, slots=True)
class Job:
    """One broken run.

    Attributes:
        key: By which a process knows that it has this scenario already.
        recipe: How it makes the scenario if not; None where it is forked.
        plan: What to break.
        known: The places of the earlier run that this plan goes on from.
        expected: The places of the untouched run: the scenario must be the same everywhere.
    """

    key: str
    recipe: Recipe | None
    plan: Plan
    known: Known
    expected: tuple[str, ...]


class _Session:
    """The scenario that this process has ready; one at a time."""

    def __init__(self) -> None:
        self.key = ""
        self.pid = 0
        self.explorer: Explorer | None = None
        self.project = ExitStack()
        self.stack = ExitStack()

    def close(self) -> None:
        """Forget the scenario, and remove its files."""
        if self.pid == os.getpid():
            self.explorer = None
            self.stack.close()
            self.project.close()


_session = _Session()
#: A bench has one thread; an executor may have several in one process.
_one_at_a_time = threading.Lock()


def offer(key: str, explorer: Explorer) -> None:
    """The scenario is ready in this process: forked ones, and threads of it, need no recipe."""
    _session.key, _session.pid, _session.explorer = key, os.getpid(), explorer


def withdraw() -> None:
    """The scenario of this process is over."""
    _session.key, _session.explorer = "", None


def forget() -> None:
    """Let go of what this process keeps ready, and remove its files."""
    with _one_at_a_time:
        _session.close()


def run_job(job: Job) -> Done:
    """Do a job; what an executor calls."""
    with _one_at_a_time, _interrupts_are_others_business():
        explorer = _explorer_for(job)
        explorer.learn(job.known)
        return explorer.broken_run(job.plan)


def _explorer_for(job: Job) -> Explorer:
    if _session.key != job.key or _session.explorer is None:
        _make(job)
    elif _session.pid != os.getpid():
        _session.pid = os.getpid()
        _session.explorer.move(f"worker-{_session.pid}")
    assert _session.explorer is not None  # noqa: S101 - made just now
    return _session.explorer


def _make(job: Job) -> None:
    assert job.recipe is not None  # noqa: S101 - only forked processes have none, and they have the scenario
    if _session.pid != os.getpid():
        _session.project, _session.stack = ExitStack(), ExitStack()
        multiprocessing.util.Finalize(None, _session.close, exitpriority=10)
        atexit.register(_session.close)
    _session.stack.close()
    _session.key, _session.pid = "", os.getpid()
    scenario = job.recipe.make()
    _session.project.enter_context(temporary_databases(of_its_own=True))
    with clean_databases():
        explorer = _session.stack.enter_context(Explorer(scenario).ready())
    check_equal(scenario.name, job.expected, explorer.signature())
    _session.key, _session.explorer = job.key, explorer


def check_equal(name: str, expected: tuple[str, ...], found: tuple[str, ...]) -> None:
    """Refuse to go on with a scenario that came out differently in this process.

    Raises:
        ScenarioError: It tells the first place that differs.
    """
    for number in range(max(len(expected), len(found))):
        there = expected[number] if number < len(expected) else "nothing more"
        here = found[number] if number < len(found) else "nothing more"
        if there != here:
            raise ScenarioError(
                f"{name} is another scenario in another process: place {number + 1} is {here} there, and {there} here",
                hint="rows that a test made stay in its process: make them in setup=..., or use workers=N",
            )


@contextmanager
def _interrupts_are_others_business() -> Iterator[None]:
    """Ctrl-C reaches all processes of a terminal: the one that gave the job decides what is kept."""
    foreign = multiprocessing.parent_process() is not None and threading.current_thread() is threading.main_thread()
    before = signal.signal(signal.SIGINT, signal.SIG_IGN) if foreign else None
    try:
        yield
    finally:
        if foreign:
            signal.signal(signal.SIGINT, before)


# --- forked processes ---------------------------------------------------------------------------------------


def begin_fork() -> None:
    """What a forked process does first: Ctrl-C is its parent's business, and it does not outlive its parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    threading.Thread(target=_end_with_parent, name="coldframe-orphan", daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
