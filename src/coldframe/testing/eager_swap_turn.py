"""The runs of one test under eager-swap: under eager mode as it is, then on a bench, and how they compare."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from coldframe._celery.eager import is_eager, living_apps
from coldframe._core.events import Finished, Published
from coldframe.errors import SetupError
from coldframe.testing.eager_swap_bench import SwapBench
from coldframe.testing.eager_swap_ends import LOOKS_AT_ENDS
from coldframe.testing.eager_swap_evidence import Evidence, Fact
from coldframe.testing.eager_swap_log import EagerLog, keep_log
from coldframe.testing.eager_swap_messages import LOOKS_AT_MESSAGES
from coldframe.testing.eager_swap_reasons import Failure, explain, to_try

if TYPE_CHECKING:
    import pytest
    from celery import Celery

TIMELINE_LINES = 40

#: What pytest-django and Django say to a test that may not touch the database.
NO_DATABASE = ("Database access not allowed", "are not allowed in SimpleTestCase")


class EagerTurn:
    """A test runs as it is, and what eager mode does is noted."""

    def __init__(self) -> None:
        self.log = EagerLog()
        self._known = {id(app) for app in living_apps()}
        #: Kept so that no app that the test makes can take the identity of one that is gone.
        self._kept = living_apps()

    @contextmanager
    def noting(self) -> Iterator[None]:
        """Note what happens inside the block."""
        with ExitStack() as stack:
            keep_log(stack, self.log)
            yield

    def lasting_apps(self) -> tuple[Celery, ...]:
        """The apps that the test used and that were there before it."""
        used = self.log.apps or [app for app in self._kept if is_eager(app)][:1]
        return tuple(app for app in used if id(app) in self._known)

    @property
    def makes_apps(self) -> bool:
        """Whether the test, or a fixture of its own, made an app that it used."""
        return any(id(app) not in self._known for app in self.log.apps)

    def new_apps(self) -> list[Celery]:
        """The apps that were made since the first run began, without those of the first run."""
        before = self._known | {id(app) for app in self.log.apps}
        return [app for app in living_apps() if id(app) not in before]


class BenchTurn:
    """The same test runs on a bench.

    Args:
        eager: The first run.
        queues: What the nodes read besides the queues that their app declares.
        test: The id of the test.
        leave_out: `waiting` or `routing`, to see whether the outcome hangs on it.
    """

    def __init__(self, eager: EagerTurn, queues: tuple[str, ...], test: str, leave_out: str | None = None) -> None:
        self._eager = eager
        self._seed = zlib.crc32(f"{test} {leave_out}".encode()) or 1
        self._leave_out = leave_out
        self._queues = queues
        self._bench: SwapBench | None = None
        self._facts: list[Fact] = []
        self._published = False
        self._errors: list[BaseException] = []
        self.timeline = ""
        self.failure: Failure | None = None
        #: Why no bench could be opened.
        self.refused: SetupError | None = None
        self.was_open = False

    @property
    def is_open(self) -> bool:
        """Whether the bench is there now."""
        return self._bench is not None

    @property
    def opens_before_fixtures(self) -> bool:
        """Whether the apps are there before the fixtures of the test are."""
        return not self._eager.makes_apps

    def open(self) -> None:
        """Open the bench from here on; without an app, or where one cannot be opened, the test runs as it is."""
        apps = self._eager.lasting_apps()
        if self._eager.makes_apps:
            # A fixture of the test made a new one for this run; else one of a wider scope made it for good.
            made = self._eager.new_apps() or [app for app in self._eager.log.apps if app not in apps]
            apps = (*apps, *made)
        if not apps:
            self.refused = SetupError("no app is eager", hint="make the app in a module or in a fixture")
            return
        bench = SwapBench(self._eager.log, apps, self._queues, seed=self._seed, leave_out=self._leave_out)
        try:
            bench.__enter__()
        except SetupError as error:
            self.refused = error
            return
        self._bench = bench
        self.was_open = True

    def complain(self) -> None:
        """Fail a test that passed, for what went wrong on the bench only."""
        if self._bench is not None:
            self._bench.complain()

    def close(self) -> None:
        """Close the bench, and keep what the trace tells."""
        bench, self._bench = self._bench, None
        if bench is None:
            return
        try:
            evidence = self._evidence(bench)
            found = (fact for look in (*LOOKS_AT_MESSAGES, *LOOKS_AT_ENDS) for fact in look(evidence))
            self._facts = list(dict.fromkeys(found))
            self._published = any(isinstance(event, Published) for event in bench.trace)
            self._errors = [event.exception for event in bench.trace if isinstance(event, Finished) and event.exception]
            self.timeline = bench.timeline(last=TIMELINE_LINES)
        finally:
            bench.close()

    @property
    def lacks_database(self) -> bool:
        """Whether it failed only because its results are kept in a database that the test may not touch."""
        errors = [str(error) for error in self._errors] + [self.failure.text if self.failure else ""]
        return any(words in error for words in NO_DATABASE for error in errors)

    @property
    def missed_all(self) -> bool:
        """Whether nothing of what ran under eager mode came to the bench."""
        return self._eager.makes_apps and bool(self._eager.log.runs) and not self._published

    def to_try(self) -> list[str]:
        """What to leave out in further runs, because several differences may explain the outcome."""
        return to_try(self._facts)

    def reasons(self, tried: dict[str, bool]) -> list[Fact]:
        """Why the test ends otherwise on the bench, the likeliest reason first.

        Args:
            tried: What further runs left out, each with whether the test ended as under eager mode then.
        """
        return explain(self._facts, self.failure, self._eager.log.tasks, tried)

    def _evidence(self, bench: SwapBench) -> Evidence:
        return Evidence(
            log=self._eager.log,
            events=tuple(bench.trace),
            waiting=tuple(bench.queued()),
            unread=bench.unread_queues(),
            read=bench.read_queues(),
            now=bench.now,
            apps=bench.own_apps,
            refused=tuple(bench.refused),
            committed=sum(callback.ran for callback in bench.callbacks),
        )


@dataclass(frozen=True, slots=True)
class Verdict:
    """What eager-swap found out about one test; plain data, as it travels from xdist's workers.

    Attributes:
        bench: How it ended on the bench; None when it ran only once.
        note: Why it was not judged, although it uses eager mode.
    """

    nodeid: str
    eager: str
    bench: str | None = None
    reasons: tuple[dict[str, str], ...] = ()
    note: str = ""

    @property
    def is_changed(self) -> bool:
        """Whether its outcome is another one on the bench."""
        return self.bench is not None and self.bench != self.eager and not self.note

    def as_data(self) -> dict[str, Any]:
        """The verdict as a dictionary of plain values."""
        return {
            "nodeid": self.nodeid,
            "eager": self.eager,
            "bench": self.bench,
            "reasons": [dict(reason) for reason in self.reasons],
            "note": self.note,
        }

    @classmethod
    def from_data(cls, data: dict[str, Any]) -> Verdict:
        """The verdict that `as_data` was made of."""
        return cls(data["nodeid"], data["eager"], data["bench"], tuple(data["reasons"]), data["note"])


def as_reasons(facts: list[Fact]) -> tuple[dict[str, str], ...]:
    """Facts as plain data."""
    return tuple({"kind": fact.kind, "text": fact.text, "next_step": fact.next_step} for fact in facts)


def failure_of(excinfo: pytest.ExceptionInfo[BaseException]) -> Failure:
    """How a test failed, in words."""
    return Failure(excinfo.typename, str(excinfo.value))
