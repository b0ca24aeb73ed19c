"""What passed the gate in one run: the places at which the next runs are broken."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from coldframe._effects.gate import READ, Gate, Touch


@dataclass(frozen=True, slots=True)
class Place:
    """An effect, a read, a delivery or an ack, as a run of a scenario passed it.

    `run` numbers the attempts of the whole bench, and is None for what a node does itself. `passed` tells whether it
    came to its end there: an effect that failed, or whose process died, has nothing after it.
    """

    number: int
    effect: str
    what: str
    where: str
    task: str
    run: int | None
    task_id: str | None
    failures: tuple[str, ...]
    resource: str
    transaction: int | None
    passed: bool = False

    @property
    def is_step(self) -> bool:
        """Whether a node does it by itself: it takes a message, or acknowledges it."""
        return self.run is None

    @property
    def is_read(self) -> bool:
        """Whether nothing outside is changed there."""
        return self.effect == READ

    def __str__(self) -> str:
        told = f"{self.effect} {self.what}" if self.effect != READ else f"reading {self.what}"
        return f"`{told}`" + (f" ({self.where})" if self.where else "")


class Places:
    """Notes each place as it is passed.

    Args:
        gate: Of the bench.
    """

    def __init__(self, gate: Gate) -> None:
        self.passed: list[Place] = []
        self._ended: set[int] = set()
        gate.before.insert(0, self._note)
        gate.after.insert(0, self._note_end)

    def all(self) -> tuple[Place, ...]:
        """All that were passed, in order."""
        return tuple(replace(place, passed=place.number in self._ended) for place in self.passed)

    def _note_end(self, touch: Touch) -> None:
        self._ended.add(touch.number)

    def _note(self, touch: Touch) -> None:
        attempt = touch.attempt
        self.passed.append(
            Place(
                touch.number,
                touch.effect,
                touch.what,
                touch.where,
                attempt.task if attempt is not None else touch.what,
                attempt.number if attempt is not None else None,
                attempt.task_id if attempt is not None else touch.details.get("id"),
                tuple(touch.failures),
                touch.resource,
                touch.transaction,
            )
        )


def by_run(places: Iterable[Place]) -> dict[int, list[Place]]:
    """The places of each run, in order."""
    found: dict[int, list[Place]] = {}
    for place in places:
        if place.run is not None:
            found.setdefault(place.run, []).append(place)
    return found


def effects(places: Iterable[Place]) -> Iterator[Place]:
    """Those that change something outside."""
    return (place for place in places if not (place.is_read or place.is_step))
