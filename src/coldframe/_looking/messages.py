"""Task messages that wait: sent, and not started yet."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Unpack

from coldframe._core.events import Event
from coldframe._looking.bodies import Decode, arguments_of, decode_json
from coldframe._looking.criteria import UNSET, Criteria, Wanted
from coldframe._looking.ledger import Copy, Ledger, Transaction
from coldframe._looking.names import full_name, name_of
from coldframe._looking.wording import call, moment, times

__all__ = ["UNSET", "Message", "find", "header_moment", "message_of", "queued"]


@dataclass(frozen=True, slots=True, repr=False)
class Message:
    """A task message that has not been started.

    Attributes:
        node: The node that holds it, or None while it waits in the queue.
        transaction: What became of the database transaction in which it was sent.
    """

    task: str
    task_id: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    queue: str
    eta: datetime | None
    expires: datetime | None
    priority: int | None
    retries: int
    published_at: datetime
    published_by: str
    node: str | None
    transaction: Transaction

    def __repr__(self) -> str:
        notes = [f"{call(self.task, self.args, self.kwargs)} in {self.queue!r}"]
        if self.eta is not None:
            notes.append(f"due {moment(self.eta)}")
        if self.node is not None:
            notes.append(f"held by {self.node!r}")
        if self.retries:
            notes.append(f"after {times(self.retries, 'try', 'tries')}")
        if self.transaction in {"open", "rolled back"}:
            notes.append(f"its transaction {'is open' if self.transaction == 'open' else 'was rolled back'}")
        return f"<Message {', '.join(notes)}>"


def queued(events: Iterable[Event], *, decode: Decode = decode_json) -> list[Message]:
    """The messages that wait, in a queue or at a node that has not started them, in the order they were sent.

    Args:
        events: A trace.
        decode: Reads a body; without it only JSON is read.
    """
    ledger = Ledger.of(events)
    return [message_of(copy, ledger, decode) for copy in ledger.waiting()]


def find(
    messages: Iterable[Message], task: object = None, *, now: datetime | None = None, **criteria: Unpack[Criteria]
) -> list[Message]:
    """The messages that match all that is given.

    Args:
        messages: Where to look.
        task: A task, its name, or the end of its name when no other name ends so.
        now: The present, from which an `eta` that is a timedelta counts.
        **criteria: `args` must be equal, `kwargs` a subset at every depth, `queue` equal, and `eta` (a moment, a
            timedelta from now, or None for none) equal up to `within`, which is one second when not given.

    Raises:
        SetupError: Something given makes no sense.
    """
    wanted = Wanted.of(now=now, **criteria)
    found = list(messages)
    if task is not None:
        name = full_name(name_of(task), (message.task for message in found))
        found = [message for message in found if message.task == name]
    return [message for message in found if wanted.matches(message)]


def message_of(copy: Copy, ledger: Ledger, decode: Decode) -> Message:
    """The message that a copy in the ledger stands for."""
    published = copy.published
    args, kwargs = arguments_of(published, decode)
    return Message(
        task=published.task or "",
        task_id=published.task_id or "",
        args=args,
        kwargs=kwargs,
        queue=copy.queue,
        eta=header_moment(published.eta),
        expires=header_moment(published.expires),
        priority=published.priority,
        retries=published.retries,
        published_at=published.when,
        published_by=published.by,
        node=copy.holder.node if copy.holder is not None and copy.fate is None else None,
        transaction=ledger.transaction(published),
    )


def header_moment(text: str | None) -> datetime | None:
    """A moment in a message's header, in UTC, which Celery takes a naive one to be."""
    if text is None:
        return None
    when = datetime.fromisoformat(text)
    return when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)
