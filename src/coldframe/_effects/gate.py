"""The gate: every touch of the world outside passes here, where it is recorded, and can be broken."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from itertools import count
from threading import get_ident
from typing import TYPE_CHECKING, Any

from coldframe._core.events import Touched
from coldframe._effects.users_code import users_line

if TYPE_CHECKING:
    from coldframe._celery.world import World

#: Makes what a library does when this effect fails in one of its ways: an exception, or the answer of a server.
Failures = Mapping[str, Callable[[], Any]]

NO_FAILURES: Failures = {}

#: The kind of what is no effect.
READ = "read"


@dataclass(slots=True, eq=False)
class Touch:
    """An effect on its way through the gate.

    Attributes:
        number: Counts the effects of the bench.
        answer: What the adapter shall give the task instead of doing the deed; an exception is raised by the gate.
        error: What the task gets although the deed was done.
        resource: What it reads or writes, for those who ask which effects are in each other's way.
    """

    number: int
    effect: str
    what: str
    process: Any
    attempt: Any
    where: str
    transaction: int | None = None
    details: dict[str, Any] = field(default_factory=dict)
    failures: Failures = field(default_factory=dict)
    resource: str = ""
    answer: Any = None
    error: BaseException | None = None
    outcome: str = "done"

    def __str__(self) -> str:
        return f"{self.effect} {self.what}"


Watcher = Callable[[Touch], None]

#: The effect that the running code is inside of: coroutines of one task may be inside of one each.
_INSIDE: ContextVar[Touch | None] = ContextVar("coldframe_inside", default=None)


class Gate:
    """Lets the effects of tasks through, one by one.

    Those who want to break something listen `before` an effect, and may kill its process, raise, or give it an answer
    or an error; or `after` it, when it has taken place.

    Args:
        world: Whose tasks pass here.
    """

    def __init__(self, world: World) -> None:
        self.world = world
        self.before: list[Watcher] = []
        self.after: list[Watcher] = []
        self.count = 0
        #: The numbers of transactions, whichever library begins them.
        self.transactions = count(1)
        self._thread = get_ident()
        self._passing: list[Touch] = []

    def watches(self) -> bool:
        """Whether the running code is a task's, and not already inside an effect."""
        if get_ident() != self._thread:
            return False
        return self.world.attempt() is not None and _INSIDE.get() not in self._passing

    @contextmanager
    def passing(
        self,
        effect: str,
        what: str,
        *,
        details: dict[str, Any] | None = None,
        failures: Failures = NO_FAILURES,
        transaction: int | None = None,
        resource: str = "",
    ) -> Iterator[Touch]:
        """Do a deed inside this block, if the touch that it gives has no answer.

        Args:
            effect: The kind, such as `mail.send`.
            what: It in one line.
            details: It in full, as values that JSON knows.
            failures: How it can fail, by name.
            transaction: The number of the transaction that it is part of.
            resource: What it writes, such as `table orders`.
        """
        self.count += 1
        process = self.world.process
        touch = Touch(
            self.count,
            effect,
            what,
            process,
            process.attempt,
            users_line(),
            transaction,
            details or {},
            failures,
            resource,
        )
        try:
            for watch in self.before:
                watch(touch)
            if isinstance(touch.answer, BaseException):
                raise touch.answer
        except BaseException as error:
            self._record(touch, "failed", error)
            raise
        try:
            with self.inside(touch):
                yield touch
        except BaseException as error:
            self._record(touch, "failed", error)
            raise
        if touch.error is not None:
            self._record(touch, "unknown", touch.error)
            raise touch.error
        self._record(touch, touch.outcome, None)
        for watch in self.after:
            watch(touch)

    @contextmanager
    def inside(self, touch: Touch) -> Iterator[None]:
        """What the running code does in this block belongs to an effect, and passes no gate of its own."""
        self._passing.append(touch)
        outside = _INSIDE.get()
        _INSIDE.set(touch)
        try:
            yield
        finally:
            _INSIDE.set(outside)
            self._passing.remove(touch)

    @contextmanager
    def step(self, name: str, message: Any, node: Any) -> Iterator[Touch]:
        """A step of a node with a message: its delivery, its ack. It is counted, but has events of its own."""
        self.count += 1
        touch = Touch(self.count, name, str(message.task), node.process, None, "", details={"id": message.task_id})
        for watch in self.before:
            watch(touch)
        yield touch
        for watch in self.after:
            watch(touch)

    def reading(self, resource: str) -> None:
        """A task is about to read something that others may write: no effect, but others can come in before."""
        self.count += 1
        if self.before:
            process = self.world.process
            touch = Touch(self.count, READ, resource, process, process.attempt, users_line(), resource=resource)
            for watch in self.before:
                watch(touch)

    def _record(self, touch: Touch, outcome: str, error: BaseException | None) -> None:
        attempt = touch.attempt
        self.world.trace.append(
            Touched(
                self.world.scheduler.now,
                touch.number,
                touch.effect,
                touch.what,
                touch.process.name,
                attempt.task_id if attempt is not None else None,
                attempt.number if attempt is not None else None,
                touch.where,
                touch.transaction,
                outcome,
                error,
                touch.details,
                tuple(touch.failures),
            )
        )
