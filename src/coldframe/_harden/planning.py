"""Which plans are worth a run, most telling ones first."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator

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
from coldframe._harden.plans import Plan
from coldframe._harden.touches import Place, by_run
from coldframe.errors import SetupError

#: Families of faults that a user can choose from, in the order in which they are tried.
KILLS, TWICE, OVERLAPS, FAILURES, BROKER = "kills", "twice", "overlaps", "failures", "broker"
PAIRS, DATABASE, RESULTS = "pairs", "database", "results"
DEFAULT = (KILLS, TWICE, OVERLAPS, FAILURES, BROKER, PAIRS)
#: Only on request: what a task does when its database or its result store fails is mostly the same in all of a project.
FAMILIES = (*DEFAULT, DATABASE, RESULTS)

#: An effect that fails like this may have taken place all the same.
UNCERTAIN = ("connection lost", "timeout")

#: Steps of a node, not of a task.
DELIVERY, ACK = "delivery", "ack"


def check_families(chosen: Iterable[str] | None) -> tuple[str, ...]:
    """The families to try.

    Raises:
        SetupError: There is no such family.
    """
    if chosen is None:
        return DEFAULT
    wanted = tuple(word.strip() for word in (chosen.split(",") if isinstance(chosen, str) else chosen))
    if not wanted:
        raise SetupError("no family of faults is chosen", hint=f"choose from: {', '.join(FAMILIES)}; or leave it out")
    for name in wanted:
        if name not in FAMILIES:
            raise SetupError(
                f"there is no family of faults {name!r}", hint=f"choose from: {', '.join(FAMILIES)}; or leave it out"
            )
    return tuple(name for name in FAMILIES if name in wanted)


def single_faults(places: tuple[Place, ...], families: Iterable[str]) -> Iterator[Plan]:
    """Each fault alone at each place, family by family."""
    for family in families:
        for step in _STEPS[family](places) if family in _STEPS else ():
            yield (step,)


def _kills(places: tuple[Place, ...]) -> Iterator[Break]:
    for fault in (KILL_PROCESS, KILL_NODE):
        for run in by_run(places).values():
            effects = [place for place in run if not place.is_read]
            if effects:
                yield Break(effects[0].number, BEFORE, fault)
            for place in effects:
                if place.passed:
                    yield Break(place.number, AFTER, fault)
    for place in places:
        if place.effect == DELIVERY:
            yield Break(place.number, BEFORE, KILL_NODE)
        elif place.effect == ACK:
            yield Break(place.number, BEFORE, KILL_NODE)
            if place.passed:
                yield Break(place.number, AFTER, KILL_NODE)


def _twice(places: tuple[Place, ...]) -> Iterator[Break]:
    for run in by_run(places).values():
        yield Break(run[0].number, BEFORE, REDELIVER)
    for place in places:
        if place.effect == ACK:
            yield Break(place.number, AFTER, REDELIVER)


def _overlaps(places: tuple[Place, ...]) -> Iterator[Break]:
    runs = by_run(places)
    for number, run in runs.items():
        others = [place for other, content in runs.items() if other != number for place in content]
        own_writes = {place.resource for place in run if place.resource and not place.is_read}
        for place in run:
            # The same message once more: it does all that this run does, so each place may be in its way.
            if place.resource in own_writes or not place.is_read:
                yield Break(place.number, BEFORE, OVERLAP)
            if _in_the_way(place, run, others):
                yield Break(place.number, BEFORE, PAUSE)


def _in_the_way(place: Place, run: list[Place], others: list[Place]) -> bool:
    """Whether it matters if others go on before this place: only then is it another order."""
    own = {place.resource} if place.effect != "sql.commit" else {other.resource for other in run}
    own.discard("")
    return any(other.resource in own and not (place.is_read and other.is_read) for other in others)


def _failures(places: tuple[Place, ...]) -> Iterator[Break]:
    for place in places:
        if not place.effect.startswith(("sql.", "result.")) and place.effect != "publish":
            yield from _failing(place)


def _database(places: tuple[Place, ...]) -> Iterator[Break]:
    for place in places:
        if place.effect.startswith("sql."):
            yield from _failing(place)


def _results(places: tuple[Place, ...]) -> Iterator[Break]:
    for place in places:
        if place.effect.startswith("result."):
            yield from _failing(place)


def _failing(place: Place) -> Iterator[Break]:
    for name in place.failures:
        yield Break(place.number, BEFORE, FAIL + name)
        if name in UNCERTAIN and place.effect != "sql.write":
            yield Break(place.number, BEFORE, UNKNOWN + name)


def _broker(places: tuple[Place, ...]) -> Iterator[Break]:
    for place in places:
        if place.effect == "publish":
            yield Break(place.number, BEFORE, FAIL + "duplicate")
            yield Break(place.number, BEFORE, FAIL + "connection lost")
    for run in by_run(places).values():
        yield Break(run[-1].number, BEFORE, DISCONNECT)


_STEPS = {
    KILLS: _kills,
    TWICE: _twice,
    OVERLAPS: _overlaps,
    FAILURES: _failures,
    BROKER: _broker,
    DATABASE: _database,
    RESULTS: _results,
}


def second_faults(first: Plan, places: tuple[Place, ...]) -> list[Plan]:
    """The plans with one more fault, after the first one, in the run that it made.

    A kill; and if the first fault let others go on, that these are overtaken in turn.
    """
    last = first[-1]
    more = [step for step in _kills(places) if step.fault == KILL_PROCESS]
    if last.fault == PAUSE:
        more += [step for step in _overlaps(places) if step.fault == PAUSE]
    return [(*first, step) for step in more if step.number > last.number]


def spread(plans: list[Plan]) -> list[Plan]:
    """The plans in an order whose beginning is spread over all of them: whatever the budget, no kind is left out."""
    bits = (len(plans) - 1).bit_length()
    order = (int(f"{number:0{bits}b}"[::-1], 2) for number in range(1 << bits))
    return [plans[place] for place in order if place < len(plans)]


def shuffled(plans: list[Plan], seed: int) -> list[Plan]:
    """The plans in an order that the seed decides."""
    order = list(plans)
    random.Random(seed).shuffle(order)
    return order
