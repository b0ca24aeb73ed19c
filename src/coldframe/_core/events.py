"""The events of a trace: plain, frozen records of what happened on a bench.

`at` is the virtual moment in microseconds since the epoch. `message` numbers a published message: the
copies of one publish in several queues share the number and differ in `queue`. Processes are named
as people name them: `test`, `beat`, a node's name, or `node/2` for the second pool process of a node.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from coldframe._core.moments import to_datetime


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened at a moment of virtual time."""

    at: int

    @property
    def when(self) -> datetime:
        """The moment as an aware datetime in UTC."""
        return to_datetime(self.at)


@dataclass(frozen=True, slots=True)
class Published(Event):
    """A message reached the broker; `queues` is empty when no queue is bound to its routing key."""

    message: int
    exchange: str
    routing_key: str
    queues: tuple[str, ...]
    by: str
    by_task_id: str | None = None
    task_id: str | None = None
    task: str | None = None
    body: bytes = b""
    content_type: str | None = None
    content_encoding: str | None = None
    eta: str | None = None
    expires: str | None = None
    priority: int | None = None
    retries: int = 0
    parent_id: str | None = None
    root_id: str | None = None
    group_id: str | None = None
    in_transaction: bool = False
    compression: str | None = None


@dataclass(frozen=True, slots=True)
class TransactionEnded(Event):
    """A transaction in which messages were published came to its end."""

    committed: bool
    messages: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Delivered(Event):
    """The broker handed a message to a process."""

    message: int
    queue: str
    node: str
    redelivered: bool = False
    task_id: str | None = None
    task: str | None = None


@dataclass(frozen=True, slots=True)
class Acked(Event):
    """A message was acknowledged: the broker forgets it."""

    message: int
    queue: str
    node: str
    task_id: str | None = None


@dataclass(frozen=True, slots=True)
class Requeued(Event):
    """A message went back to its queue.

    `reason` is `rejected` (by the consumer), `connection lost`, `channel closed`, `recovered`,
    `restored` (by a consumer that shut down) or `visibility timeout`.
    """

    message: int
    queue: str
    reason: str
    task_id: str | None = None


@dataclass(frozen=True, slots=True)
class Dropped(Event):
    """The broker gave a message up.

    `reason` is `rejected`, `expired`, `purged`, `queue deleted`, `delivery limit` or `nobody listens`.
    """

    message: int
    queue: str
    reason: str
    task_id: str | None = None
    dead_letter_exchange: str | None = None


@dataclass(frozen=True, slots=True)
class Started(Event):
    """A pool process began an attempt at a task."""

    task_id: str
    task: str
    node: str
    process: str
    attempt: int
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    retries: int
    redelivered: bool
    queue: str | None


@dataclass(frozen=True, slots=True)
class Finished(Event):
    """An attempt ended: `state` is Celery's, or `LOST` when its process died.

    `at_process` is false when the node's parent process ended it (time limit, lost pool process).
    """

    task_id: str
    task: str
    attempt: int
    state: str
    result: Any = None
    exception: BaseException | None = None
    traceback: str | None = None
    at_process: bool = True


@dataclass(frozen=True, slots=True)
class Discarded(Event):
    """A node gave a message up without running it.

    `reason` is `revoked`, `expired`, `unknown task` or `invalid`.
    """

    task_id: str | None
    task: str | None
    node: str
    reason: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Logged(Event):
    """A line that was logged while a task ran."""

    task_id: str
    attempt: int
    level: str
    logger: str
    text: str


@dataclass(frozen=True, slots=True)
class BeatSent(Event):
    """Beat found an entry of the schedule due."""

    entry: str
    task: str
    task_id: str | None


@dataclass(frozen=True, slots=True)
class NodeChanged(Event):
    """A node came up or went away: `change` is `up`, `stopped`, `killed`, `disconnected` or `pool process lost`."""

    node: str
    change: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Refused(Event):
    """Something reached for a real host and was refused."""

    address: str
    by: str
    by_task_id: str | None = None


@dataclass(frozen=True, slots=True)
class Touched(Event):
    """A task touched the world outside: an effect.

    `number` counts the effects of the bench, `effect` is the kind (`sql.write`, `mail.send`), `what` tells it in a
    line and `details` in full. `where` is the line of the user's code that did it, as `services.py:88`. `outcome` is
    `done`, `failed` (nothing happened outside, and the task got `exception`) or `unknown` (it happened, and the task
    got `exception` all the same). `transaction` numbers the open transaction, whose end decides whether it took place:
    an effect `sql.commit` or `sql.rollback` with the same number. `failures` names the ways in which it can fail.
    """

    number: int
    effect: str
    what: str
    by: str
    task_id: str | None = None
    attempt: int | None = None
    where: str = ""
    transaction: int | None = None
    outcome: str = "done"
    exception: BaseException | None = None
    details: dict[str, Any] = field(default_factory=dict)
    failures: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Broken(Event):
    """Something was broken on purpose: `fault` tells what, `place` is `before`, `after` or `instead of` an effect."""

    fault: str
    by: str
    task_id: str | None = None
    place: str | None = None
    number: int | None = None
    what: str = ""


EVENT_TYPES: dict[str, type[Event]] = {
    kind.__name__: kind
    for kind in (
        Published,
        TransactionEnded,
        Delivered,
        Acked,
        Requeued,
        Dropped,
        Started,
        Finished,
        Discarded,
        Logged,
        BeatSent,
        NodeChanged,
        Refused,
        Touched,
        Broken,
    )
}
