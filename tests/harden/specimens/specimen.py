"""What each module of flaws says about itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from coldframe import Bench

Scenario = Callable[[Bench], object]
Promise = Callable[[Bench], object]


@dataclass(frozen=True, slots=True)
class Specimen:
    """A flaw and its repair.

    Attributes:
        flaw: The scenario with the flawed task.
        repair: The same with the repaired one.
        verdict: What harden has to say of the flaw. The two lines that it has to name bear the comments
            `# <- before` and `# <- after`.
        found_by: The families of faults that find it; no other family may complain.
        within: After how many broken runs it is found at the latest.
        promises: What is asked of both, where the same ending is too much to ask.
        options: More for `coldframe.harden`.
    """

    flaw: Scenario
    repair: Scenario
    verdict: str
    found_by: tuple[str, ...]
    within: int
    promises: tuple[Promise, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)
