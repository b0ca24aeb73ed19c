"""What became of the tasks whose runs were broken."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from coldframe._core.events import Acked, Broken, Event, Finished, Touched
from coldframe._harden.touches import Place


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of a task.

    Attributes:
        acked_early: The broker had let go of its message, and no attempt came to its end.
        tried_again: It let the error out, and was tried again.
        stored: Its result was stored before it died, so Celery runs it no more.
        repeated: What it had done before the fault was done once more.
    """

    acked_early: bool = False
    tried_again: bool = False
    stored: bool = False
    repeated: bool = False


def fate_of(
    trace: tuple[Event, ...], before: Place | None, places: Iterable[Place], untouched: Iterable[Place]
) -> Fate:
    """What became of the broken task.

    Args:
        trace: Of the broken run.
        before: The place before the fault.
        places: All of the broken run.
        untouched: All of the untouched one.
    """
    broken = {event.task_id for event in trace if isinstance(event, Broken)} - {None}
    acked = {event.task_id for event in trace if isinstance(event, Acked)}
    ended = {event.task_id for event in trace if isinstance(event, Finished) and event.at_process}
    stored = {event.task_id for event in trace if isinstance(event, Touched) and _stores_success(event)}
    wished = {event.task_id for event in trace if isinstance(event, Finished) and event.state == "RETRY"}
    return Fate(
        acked_early=bool((broken & acked) - ended - stored),
        tried_again=bool(broken & wished),
        stored=bool((broken & stored) - ended),
        repeated=before is not None and _times(before, places) > _times(before, untouched),
    )


def _stores_success(event: Touched) -> bool:
    return event.effect == "result.write" and event.what == "SUCCESS" and event.outcome != "failed"


def _times(place: Place, places: Iterable[Place]) -> int:
    return sum(one.passed and (one.effect, one.where) == (place.effect, place.where) for one in places)
