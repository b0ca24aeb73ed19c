"""How many tasks came to what."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, fields

from coldframe._core.events import Discarded, Event, Finished, Published

STATES = {
    "SUCCESS": "succeeded",
    "FAILURE": "failed",
    "RETRY": "retried",
    "REJECTED": "rejected",
    "IGNORED": "ignored",
    "REVOKED": "revoked",
    "LOST": "lost",
}
REASONS = {"revoked": "revoked", "expired": "expired", "unknown task": "unknown", "invalid": "unknown"}


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Tally:
    """Counts of attempts by how they ended, of messages given up without one, and of messages sent.

    Attributes:
        unknown: Messages that a node could not make out: no such task, or no valid message.
    """

    succeeded: int = 0
    failed: int = 0
    retried: int = 0
    rejected: int = 0
    ignored: int = 0
    revoked: int = 0
    expired: int = 0
    lost: int = 0
    unknown: int = 0
    sent: int = 0

    @property
    def ran(self) -> int:
        """The attempts that ended, revoked ones left out, which mostly never began."""
        return self.succeeded + self.failed + self.retried + self.rejected + self.ignored + self.lost

    def __repr__(self) -> str:
        counts = ((field.name, getattr(self, field.name)) for field in fields(self))
        return f"<Tally {', '.join(f'{count} {name}' for name, count in counts if count) or 'of nothing'}>"


class Counts:
    """Counts events one by one, so that a tally of what is new does not cost another look at all the rest."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()

    def add(self, event: Event) -> None:
        """Count an event."""
        if isinstance(event, Finished):
            self._counts[STATES.get(event.state, "failed")] += 1
        elif isinstance(event, Published):
            self._counts["sent"] += event.task is not None
        elif isinstance(event, Discarded):
            self._counts[REASONS.get(event.reason, "unknown")] += 1

    def so_far(self) -> Counter[str]:
        """What was counted until now, to be compared with later."""
        return self._counts.copy()

    def tally(self, *, since: Counter[str] | None = None) -> Tally:
        """What was counted, or what was counted since."""
        return Tally(**(self._counts - since if since else self._counts))


def tally(events: Iterable[Event]) -> Tally:
    """Count what became of the tasks in a trace, or in a part of it."""
    counts = Counts()
    for event in events:
        counts.add(event)
    return counts.tally()
