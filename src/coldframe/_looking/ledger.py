"""The broker's books: where each copy of each task message is, folded from the events in one pass."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, Self

from coldframe._core.events import (
    Acked,
    Delivered,
    Discarded,
    Dropped,
    Event,
    NodeChanged,
    Published,
    Requeued,
    Started,
    TransactionEnded,
)
from coldframe._looking.deliveries import Deliveries

Transaction = Literal["none", "open", "committed", "rolled back"]

GONE_KEPT = 50


@dataclass(slots=True)
class Copy:
    """One copy of a message in one queue; `fate` is None while it waits, else what became of it."""

    published: Published
    queue: str
    holder: Delivered | None = None
    fate: str | None = None


class Ledger:
    """The copies of all task messages that the broker has not forgotten.

    Args:
        keep: Picks the task names of which the copies that are gone are remembered too (the last 50).
    """

    def __init__(self, keep: Callable[[str], bool] | None = None) -> None:
        self.copies: dict[tuple[int, str], Copy] = {}
        self.gone: deque[Copy] = deque(maxlen=GONE_KEPT)
        self.unrouted: deque[Published] = deque(maxlen=GONE_KEPT)
        self.sent: dict[str, int] = {}
        self._committed: dict[int, bool] = {}
        self._deliveries = Deliveries()
        self._keep = keep
        self._take: dict[type[Event], Callable[[Any], None]] = {
            Published: self._published,
            Delivered: self._delivered,
            Started: self._started,
            Discarded: self._discarded,
            Requeued: self._requeued,
            Acked: self._acked,
            Dropped: self._dropped,
            TransactionEnded: self._transaction_ended,
            NodeChanged: self._deliveries.node_changed,
        }

    @classmethod
    def of(cls, events: Iterable[Event]) -> Self:
        """The ledger after all the events."""
        ledger = cls()
        for event in events:
            ledger.take(event)
        return ledger

    def take(self, event: Event) -> None:
        """Enter the next event."""
        enter = self._take.get(type(event))
        if enter is not None:
            enter(event)

    def waiting(self) -> Iterator[Copy]:
        """The copies that wait, in a queue or at a node, in the order they were published."""
        return (copy for copy in self.copies.values() if copy.fate is None)

    def past(self) -> Iterator[Copy]:
        """The copies that no longer wait, as far as they are remembered."""
        yield from self.gone
        yield from (copy for copy in self.copies.values() if copy.fate is not None)

    def transaction(self, published: Published) -> Transaction:
        """What became of the transaction in which a message was published."""
        if not published.in_transaction:
            return "none"
        committed = self._committed.get(published.message)
        if committed is None:
            return "open"
        return "committed" if committed else "rolled back"

    def _published(self, event: Published) -> None:
        if event.task is None or event.task_id is None:
            return
        self.sent[event.task] = self.sent.get(event.task, 0) + 1
        for queue in event.queues:
            self.copies[event.message, queue] = Copy(event, queue)
        if not event.queues:
            self.unrouted.append(event)

    def _delivered(self, event: Delivered) -> None:
        copy = self.copies.get((event.message, event.queue))
        if copy is not None:
            copy.holder = event
            self._deliveries.add(event)

    def _started(self, event: Started) -> None:
        delivered = self._deliveries.take(event.task_id, event.node, redelivered=event.redelivered)
        self._settle(delivered, f"it was started on {event.node!r}")

    def _discarded(self, event: Discarded) -> None:
        self._settle(
            self._deliveries.take(event.task_id, event.node),
            f"{event.node!r} gave it up without running it: {event.reason}",
        )

    def _settle(self, delivered: Delivered | None, fate: str) -> None:
        if delivered is None:
            return
        copy = self.copies.get((delivered.message, delivered.queue))
        # A message that is acknowledged early is gone before its task starts.
        for known in self.gone if copy is None else (copy,):
            if known.holder is delivered:
                known.fate = fate

    def _requeued(self, event: Requeued) -> None:
        copy = self.copies.get((event.message, event.queue))
        if copy is not None:
            self._deliveries.put_back(event)
            copy.holder = copy.fate = None

    def _acked(self, event: Acked) -> None:
        copy = self.copies.get((event.message, event.queue))
        # After a visibility timeout a node acknowledges what is no longer its own: the message stays where it is.
        if copy is not None and copy.holder is not None and copy.holder.node == event.node:
            self._forget(copy, f"{event.node!r} acknowledged it without running it")

    def _dropped(self, event: Dropped) -> None:
        copy = self.copies.get((event.message, event.queue))
        if copy is not None:
            self._forget(copy, f"the broker dropped it: {event.reason}")

    def _forget(self, copy: Copy, fate: str) -> None:
        copy.fate = copy.fate or fate
        del self.copies[copy.published.message, copy.queue]
        if self._keep is not None and self._keep(copy.published.task or ""):
            self.gone.append(copy)

    def _transaction_ended(self, event: TransactionEnded) -> None:
        self._committed.update(dict.fromkeys(event.messages, event.committed))
