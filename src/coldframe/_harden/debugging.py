"""A debugger in the task's own code, at the place of a fault and before it comes."""

from __future__ import annotations

import pdb
import sys
from collections.abc import Callable
from functools import partial
from types import FrameType

from coldframe._effects.faults import AFTER, BEFORE, Break
from coldframe._effects.gate import Gate, Touch
from coldframe._effects.users_code import users_frame
from coldframe._harden.plans import Plan

#: A person who thinks is not a task that hangs: the watchdog waits for days.
PATIENCE_S = 1e6

#: Told before the debugger opens.
Announce = Callable[[str], object]


def stops_before(plan: Plan, announce: Announce) -> Callable[[Gate], None]:
    """Has the debugger open where each fault of a plan will come.

    Args:
        plan: The faults.
        announce: Told in words what comes next.
    """

    def watch(gate: Gate) -> None:
        gate.before.append(partial(_stop, gate, announce, _steps(plan, BEFORE)))
        gate.after.append(partial(_stop, gate, announce, _steps(plan, AFTER)))

    return watch


def _steps(plan: Plan, place: str) -> dict[int, Break]:
    return {step.number: step for step in plan if step.place == place}


def _stop(gate: Gate, announce: Announce, steps: dict[int, Break], touch: Touch) -> None:
    step = steps.pop(touch.number, None)
    if step is not None:
        _debug(gate, touch, announce, f"{step} ({touch})")


def _debug(gate: Gate, touch: Touch, announce: Announce, what: str) -> None:
    frame = users_frame()
    if frame is None:
        announce(f"{what}: a node does this, no code of the project runs here")
        return
    announce(f"next comes: {what}")
    with gate.inside(touch):
        wants_to_go_on = _Debugger(nosigint=True).stop_at(frame)
    if not wants_to_go_on:
        gate.world.scheduler.break_out(KeyboardInterrupt())


class _Debugger(pdb.Pdb):
    """Opens at once, in a frame further up, and goes on from there with what was asked for."""

    def stop_at(self, frame: FrameType) -> bool:
        """Whether the run shall go on."""
        self.reset()
        self.interaction(frame, None)
        if self.quitting:
            return False
        if self.stoplineno != -1 or self.breaks:
            above: FrameType | None = frame
            while above is not None:
                above.f_trace = self.trace_dispatch
                self.botframe = above
                above = above.f_back
            sys.settrace(self.trace_dispatch)
        return True
