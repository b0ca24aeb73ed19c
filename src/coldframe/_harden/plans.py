"""A plan of faults as text and back: it is part of what a broken run is called by."""

from __future__ import annotations

import re

from coldframe._effects.faults import AFTER, BEFORE, Break, check_fault
from coldframe.errors import SetupError

Plan = tuple[Break, ...]

_SIGNS = {BEFORE: "-", AFTER: "+"}
_PLACES = {sign: place for place, sign in _SIGNS.items()}
_STEP = re.compile(r"(?P<number>\d+)(?P<sign>[-+])(?P<fault>[a-z0-9:_ -]+)")


def plan_to_text(plan: Plan) -> str:
    """A plan as it stands in an id: `12+kill-process,15-fail:timeout`."""
    return ",".join(
        f"{step.number}{_SIGNS[step.place]}{step.fault.replace(': ', ':').replace(' ', '-')}" for step in plan
    )


def plan_from_text(text: str) -> Plan:
    """The plan that such a text says.

    Raises:
        SetupError: It says none.
    """
    steps = []
    for part in text.split(",") if text else ():
        found = _STEP.fullmatch(part)
        if found is None:
            raise SetupError(
                f"{part!r} says no fault",
                hint="copy the whole id from the report: it ends like /12+kill-process or /7-fail:timeout,9-pause",
            )
        fault = found["fault"].replace("-", " ").replace(":", ": ", 1)
        check_fault(fault)
        steps.append(Break(int(found["number"]), _PLACES[found["sign"]], fault))
    return tuple(steps)
