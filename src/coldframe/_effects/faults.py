"""What can be done to a run at an effect, and who does it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from coldframe._core.events import Broken
from coldframe._effects.gate import Gate, Touch
from coldframe.errors import SetupError

if TYPE_CHECKING:
    from coldframe._broker.message import Message
    from coldframe._celery.world import World
    from coldframe._core.fibers import Fiber

BEFORE, AFTER = "before", "after"

KILL_PROCESS = "kill process"
KILL_NODE = "kill node"
DISCONNECT = "disconnect"
PAUSE = "pause"
REDELIVER = "redeliver"
OVERLAP = "overlap"
PLAIN = (KILL_PROCESS, KILL_NODE, DISCONNECT, PAUSE, REDELIVER, OVERLAP)

#: After these, a message is delivered once more.
COMES_AGAIN = (KILL_PROCESS, KILL_NODE, REDELIVER, OVERLAP)

FAIL = "fail: "
UNKNOWN = "unknown: "


#: Finds the message of a task by its id, with its exchange and its routing key.
MessageOf = Callable[[str], "tuple[Message, str, str] | None"]


def check_fault(fault: str) -> None:
    """Refuse what is no fault.

    Raises:
        SetupError: It tells which there are.
    """
    if fault not in PLAIN and not fault.startswith((FAIL, UNKNOWN)):
        raise SetupError(
            f"there is no fault {fault!r}",
            hint=f"use one of {', '.join(map(repr, PLAIN))}, or 'fail: timeout', 'unknown: timeout'",
        )


@dataclass(frozen=True, slots=True, order=True)
class Break:
    """One fault at one place: before or after the effect with this number.

    `fault` is `kill process`, `kill node`, `disconnect`, `pause` (until all others have done what they can),
    `redeliver` (the task's message comes once more), `overlap` (both), `fail: timeout` (in one of the ways in which the
    effect can fail; nothing happens outside) or `unknown: timeout` (it happens, and the task gets the error).
    """

    number: int
    place: str
    fault: str

    def __str__(self) -> str:
        return f"{self.fault} {self.place} effect {self.number}"


class Saboteur:
    """Breaks what a plan says, each thing once.

    Args:
        world: The bench.
        gate: Where its effects pass.
        message_of: Finds the message of a task.
        plan: What to break.
        meanwhile: How many microseconds pass until a message comes again.
    """

    def __init__(
        self, world: World, gate: Gate, message_of: MessageOf, plan: Iterable[Break] = (), *, meanwhile: int = 0
    ) -> None:
        self._world = world
        self._meanwhile = meanwhile
        self._message_of = message_of
        self._plan = {(step.number, step.place): step for step in plan}
        self._held: list[Fiber] = []
        self._gone: list[Any] = []
        self.fired: list[Break] = []
        gate.before.append(self._before)
        gate.after.append(self._after)
        world.scheduler.before_jump.append(self._let_go)

    @property
    def never_fired(self) -> list[Break]:
        """What was planned and did not come about."""
        return [step for step in self._plan.values() if step not in self.fired]

    def _before(self, touch: Touch) -> None:
        step = self._plan.get((touch.number, BEFORE))
        if step is not None and step not in self.fired:
            self._break(step, touch)

    def _after(self, touch: Touch) -> None:
        step = self._plan.get((touch.number, AFTER))
        if step is not None and step not in self.fired:
            self._break(step, touch)

    def _break(self, step: Break, touch: Touch) -> None:
        if not step.fault.startswith((FAIL, UNKNOWN)) or step.fault.partition(": ")[2] in touch.failures:
            self.fired.append(step)
            self.do(step.fault, step.place, touch)

    def do(self, fault: str, place: str, touch: Touch) -> None:
        """Do something to the run that has come to an effect."""
        task_id = touch.attempt.task_id if touch.attempt is not None else touch.details.get("id")
        world = self._world
        world.trace.append(
            Broken(world.scheduler.now, fault, touch.process.name, task_id, place, touch.number, str(touch))
        )
        if fault.startswith(FAIL):
            touch.answer = _way(touch, fault.removeprefix(FAIL))
        elif fault.startswith(UNKNOWN):
            touch.error = _way(touch, fault.removeprefix(UNKNOWN))
        else:
            self._do_to_processes(fault, touch.process, task_id)

    def _do_to_processes(self, fault: str, process: Any, task_id: str | None) -> None:
        if fault in COMES_AGAIN:
            self._let_time_pass()
        if fault == KILL_PROCESS:
            self._kill_process(process)
        elif fault == KILL_NODE:
            self._kill_node(process)
        elif fault == DISCONNECT:
            self._node(process).disconnect()
        if fault in (REDELIVER, OVERLAP):
            self._redeliver(task_id)
        if fault in (PAUSE, OVERLAP):
            self._hold()

    def _let_time_pass(self) -> None:
        scheduler = self._world.scheduler
        scheduler.move_to(scheduler.now + self._meanwhile)

    def _kill_process(self, process: Any) -> None:
        if process.child is not None and process.child.pool.node.enforces_time_limits:
            process.child.die(-9)
        else:
            self._kill_node(process)

    def _kill_node(self, process: Any) -> None:
        """The node dies, and its supervisor starts another one."""
        node = self._node(process)
        self._gone.append(node)
        node.kill()

    def _node(self, process: Any) -> Any:
        return process.child.pool.node if process.child is not None else self._world.nodes[process.name]

    def _redeliver(self, task_id: str | None) -> None:
        known = self._message_of(task_id or "")
        if known is not None:
            self._world.broker.deliver_again(*known)

    def _hold(self) -> None:
        """Wait until nobody else can go on at this moment."""
        scheduler = self._world.scheduler
        self._held.append(scheduler.current)
        scheduler.park()

    def _let_go(self) -> bool:
        if self._gone:
            self._gone.pop().again()
            return True
        while self._held:
            fiber = self._held.pop(0)
            if fiber.parked:
                self._world.scheduler.wake(fiber)
                return True
        return False


def _way(touch: Touch, name: str) -> Any:
    """What the library does when the effect fails in this way."""
    make = touch.failures.get(name)
    if make is None:
        raise SetupError(
            f"{touch} cannot fail by {name!r}",
            hint=f"it can fail by {', '.join(map(repr, touch.failures)) or 'nothing: kill the process instead'}",
        )
    return make()
