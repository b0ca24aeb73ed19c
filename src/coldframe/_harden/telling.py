"""A broken run as a story: what happened where, what came of it, and what to do."""

from __future__ import annotations

from typing import NamedTuple

from coldframe._effects.faults import (
    AFTER,
    BEFORE,
    DISCONNECT,
    FAIL,
    KILL_NODE,
    KILL_PROCESS,
    OVERLAP,
    PAUSE,
    REDELIVER,
    UNKNOWN,
    Break,
)
from coldframe._harden.touches import Place, by_run, effects

WORDS = {
    KILL_PROCESS: "killed",
    KILL_NODE: "killed with its whole node",
    DISCONNECT: "cut off from the broker",
    PAUSE: "overtaken by others",
    OVERLAP: "overtaken by a second delivery of its message",
    REDELIVER: "delivered twice",
}


#: What is the same to whoever has to mend it.
KINDS = {KILL_PROCESS: "killed", KILL_NODE: "killed", PAUSE: "overtaken", OVERLAP: "overtaken"}


class Surroundings(NamedTuple):
    """The last place before a fault and the first one after it, in the same run of the task."""

    before: Place | None
    after: Place | None

    @property
    def lines(self) -> tuple[str, str]:
        """Both places in the project's code; empty where there is none."""
        return (self.before.where if self.before else "", self.after.where if self.after else "")


def surroundings(step: Break, places: tuple[Place, ...]) -> Surroundings:
    """Between which places a fault falls; others than effects count only where somebody can come in between."""
    at = next((place for place in places if place.number == step.number), None)
    if at is None:
        return Surroundings(None, None)
    if at.effect == "ack" and step.place == BEFORE:  # the run has ended, and nobody was told
        done = [place for place in effects(places) if place.task_id == at.task_id and place.number < at.number]
        return Surroundings(done[-1] if done else None, None)
    if at.run is None:
        return Surroundings(at, None)
    overlaps = step.fault in (PAUSE, OVERLAP)
    counts = [place for place in by_run(places)[at.run] if overlaps or not place.is_read]
    index = sum(place.number < step.number + (step.place == AFTER) for place in counts)
    if overlaps and (window := _window(counts[:index], counts[index:])):
        return window
    return Surroundings(counts[index - 1] if index else None, counts[index] if index < len(counts) else None)


def _window(earlier: list[Place], later: list[Place]) -> Surroundings | None:
    """What was read before others came in between, and the first write after that to what they may have changed."""
    for read in reversed(earlier):
        if read.is_read:
            write = next((place for place in later if place.resource == read.resource and not place.is_read), None)
            if write is not None:
                return Surroundings(read, write)
    return None


def happened(step: Break, around: Surroundings) -> str:
    """What was done to the run, and between which two lines of the user's code."""
    before, after = around
    if step.fault.startswith((FAIL, UNKNOWN)):
        name = step.fault.partition(": ")[2]
        kind = "failed" if step.fault.startswith(FAIL) else "took place, and failed all the same"
        return f"{after} {kind} ({name})"
    words = WORDS[step.fault]
    if before is not None and before.is_step:
        return f"{words} {step.place} the {before.effect} of {before.task}"
    parts = [f"after {before}"] if before is not None else []
    parts += [f"before {after}"] if after is not None else ["before its end"]
    return f"{words} {' and '.join(parts)}"


def place_of(step: Break, around: Surroundings) -> str:
    """The effect that failed, or the last one before the fault."""
    before, after = around
    return str((after if step.fault.startswith((FAIL, UNKNOWN)) else before) or after or "")


def cause_of(step: Break, around: Surroundings) -> str:
    """What runs share that broke for the same reason: the lines around the fault, and what kind of fault it was."""
    lines = " / ".join(f"{place.task} {place.effect} {place.where}" if place else "-" for place in around)
    return f"{KINDS.get(step.fault, step.fault.partition(':')[0])} {lines}"
