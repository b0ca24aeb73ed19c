"""Test cases of unittest that hold a bench."""

from __future__ import annotations

import unittest
from typing import TYPE_CHECKING, Any, ClassVar

from coldframe import Bench, ColdframeError, Message, Run
from coldframe.errors import hides_frames
from coldframe.testing._beat import beat_options
from coldframe.testing._project import project_app

if TYPE_CHECKING:
    from celery import Celery

__tracebackhide__ = hides_frames

LAST = 25


class HoldsBench(unittest.TestCase):
    """The part of a test case that opens a bench for each test, and fails the test with its complaints."""

    #: The app or its path; None looks for the project's.
    app: ClassVar[Any] = None
    #: What `Bench` takes, and `beat=True`, and `undrained="allow"`.
    bench_options: ClassVar[dict[str, Any]] = {}
    #: The bench of the test that runs.
    bench: Bench

    def _callSetUp(self) -> None:
        options = {**self.bench_options}
        beat, self._undrained = options.pop("beat", False), options.pop("undrained", "raise")
        self._has_failed = True
        self.bench = Bench(self._app(), **options)
        self.bench.__enter__()
        self.addCleanup(self._close_bench)
        if beat:
            self.bench.beat(**beat_options(beat))
        super()._callSetUp()  # type: ignore[misc]

    def _callTestMethod(self, method: Any) -> None:
        try:
            super()._callTestMethod(method)  # type: ignore[misc]
            self._check_bench()
        except unittest.SkipTest:
            raise
        except BaseException as error:
            error.add_note(f"\ncoldframe timeline (last {LAST} events)\n{self.bench.timeline(last=LAST)}")
            raise
        self._has_failed = False

    def _check_bench(self) -> None:
        try:
            self.bench.check(undrained=self._undrained)
        except (ColdframeError, ExceptionGroup) as error:
            raise error.with_traceback(None) from None

    def _close_bench(self) -> None:
        error = RuntimeError("the test has failed") if self._has_failed else None
        self.bench.__exit__(type(error) if error else None, error, None)

    @classmethod
    def _app(cls) -> Celery:
        return project_app(cls.app)

    def assertQueued(self, task: Any = None, **criteria: Any) -> list[Message]:
        """Fail unless such a message waits; see `Bench.assert_queued`."""
        return self.bench.assert_queued(task, **criteria)

    def assertNotQueued(self, task: Any = None, **criteria: Any) -> None:
        """Fail if such a message waits; see `Bench.assert_not_queued`."""
        self.bench.assert_not_queued(task, **criteria)

    def assertRan(self, task: Any, **criteria: Any) -> list[Run]:
        """Fail unless a task ran; see `Bench.assert_ran`."""
        return self.bench.assert_ran(task, **criteria)


class CeleryTestCase(HoldsBench):
    """A `unittest.TestCase` with a bench on the project's app, open during each test as `self.bench`.

    Example:
        >>> class ChargeTest(CeleryTestCase):                  # doctest: +SKIP
        ...     app = "shop:app"
        ...     bench_options = {"profile": "redis"}
        ...
        ...     def test_charge(self):
        ...         charge.delay(42)
        ...         self.bench.drain()
        ...         self.assertRan(charge, times=1)
    """
