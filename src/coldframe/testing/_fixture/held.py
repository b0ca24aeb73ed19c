"""The bench that a test holds while it runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import pytest

from coldframe.testing._beat import beat_options

if TYPE_CHECKING:
    from coldframe import Bench


@dataclass(slots=True)
class HeldBench:
    """A bench in the hands of one test.

    Attributes:
        item: The test.
        bench: The bench.
        beat: Whether beat runs; or the names of the entries that it keeps; or its scheduler.
        undrained: What is said of messages that the test did not let run.
        said: What only the command line said of the bench; a replay must say it, too.
        has_passed: Whether the test has passed; if not, complaints would only hide why.
        is_open: Whether the bench is open.
    """

    item: pytest.Item
    bench: Bench
    beat: Any
    undrained: Literal["raise", "allow"]
    said: dict[str, Any]
    has_passed: bool = False
    is_open: bool = False

    def open(self) -> None:
        """Open the bench, with beat if the test wants it."""
        self.bench.__enter__()
        self.is_open = True
        if self.beat:
            try:
                self.bench.beat(**beat_options(self.beat))
            except BaseException:
                self.close()
                raise

    def check(self) -> None:
        """Complain about what the test left behind, unless it has failed anyhow."""
        # Where pytest keeps the failures of a unittest test case, which do not raise.
        if self.is_open and not getattr(self.item, "_excinfo", None):
            self.bench.check(undrained=self.undrained)
            self.has_passed = True

    def close(self) -> None:
        """Close the bench, with complaints about what came after the last check, unless the test has failed."""
        if not self.is_open:
            return
        self.is_open = False
        error = None if self.has_passed else RuntimeError("the test has failed")
        self.bench.__exit__(type(error) if error else None, error, None)


#: Where a test keeps its bench.
HELD = pytest.StashKey[HeldBench]()
