"""Messages that a node would run, if only the test let it."""

from __future__ import annotations

from collections.abc import Collection

from coldframe._celery.bodies import decode_body
from coldframe._core.trace import Trace
from coldframe._looking.ledger import Copy, Ledger
from coldframe._looking.messages import Message, header_moment, message_of

#: Celery's own tasks, such as the one that waits for the header of a chord, come and go unseen.
INTERNAL = "celery."
TEST = "test"


def undriven(store: Trace, *, driven_up_to: int, looked_at: Collection[str], unread: Collection[str]) -> list[Message]:
    """The messages that were sent after the test last let things run, and that it has not looked at.

    Args:
        store: The trace.
        driven_up_to: The number of the last message that the test has let run.
        looked_at: The ids of the messages that the test has seen waiting.
        unread: The queues that no node will ever read; what waits there is another complaint.
    """
    ledger = Ledger()
    now = 0
    for event in store:
        ledger.take(event)
        now = max(now, event.at)
    left = (copy for copy in ledger.waiting() if copy.published.message > driven_up_to)
    return [
        message_of(copy, ledger, decode_body)
        for copy in left
        if copy.queue not in unread and copy.published.task_id not in looked_at and _is_expected_to_run(copy, now)
    ]


def _is_expected_to_run(copy: Copy, now: int) -> bool:
    """What a task puts off, such as its own next try, may be left when the test has seen enough."""
    published = copy.published
    if (published.task or "").startswith(INTERNAL):
        return False
    due = header_moment(published.eta)
    return published.by == TEST or due is None or due.timestamp() * 1_000_000 <= now
