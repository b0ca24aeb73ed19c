"""How a failed assertion reads: what was wanted, what matches, and the near misses, best first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from coldframe._looking.near_misses import Miss
from coldframe._looking.wording import times
from coldframe.errors import Mismatch

MATCHES_SHOWN = 7
MISSES_SHOWN = 4
MISSES_BESIDE_MATCHES = 2


@dataclass(frozen=True, slots=True)
class Sought:
    """What was looked for, as the failure names it."""

    noun: str
    task: str | None
    criteria: tuple[str, ...]

    def mismatch(self, count: int | None, found: Sequence[object], misses: Iterable[Miss], *, hint: str) -> Mismatch:
        """The failure: what was wanted, what matches, and the near misses."""
        shown = [repr(match) for match in found[:MATCHES_SHOWN]]
        if len(found) > MATCHES_SHOWN:
            shown.append(f"and {len(found) - MATCHES_SHOWN} more")
        nearest: list[Miss] = []
        if count is None or len(found) < count:
            ranked = sorted(misses, key=lambda miss: miss.distance)
            nearest = ranked[: MISSES_SHOWN if not found else MISSES_BESIDE_MATCHES]
            shown += [line for miss in nearest for line in (miss.what, miss.shown and f"    {miss.shown}") if line]
            if len(ranked) > len(nearest):
                shown.append(f"and {len(ranked) - len(nearest)} more that differ")
        hint = next((miss.hint for miss in nearest if miss.hint), hint)
        return Mismatch("\n  ".join([self._headline(count, len(found)), *shown]), hint=hint)

    def _headline(self, count: int | None, found: int) -> str:
        task = f" of {self.task!r}" if self.task is not None else ""
        criteria = f" with {', '.join(self.criteria)}" if self.criteria else ""
        if not found:
            wanted = "" if count is None else f" ({count} wanted)"
            return f"there is no {self.noun}{task}{criteria}{wanted}:"
        verb = "is" if found == 1 else "are"
        return f"there {verb} {times(found, self.noun)}{task}{criteria} ({count or 'none'} wanted):"
