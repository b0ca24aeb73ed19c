"""What is there instead of what was wanted, nearest first, and how it differs in words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from coldframe._core.events import Published
from coldframe._core.plain import error_label
from coldframe._looking.criteria import UNSET, Wanted, WantedCall
from coldframe._looking.ledger import Ledger
from coldframe._looking.messages import Message
from coldframe._looking.names import nearest_name
from coldframe._looking.runs import Run
from coldframe._looking.wording import moment, shorten

ARGUMENTS = "other arguments: "
NAMES_SHOWN = 6

#: What to do about a message that was given up, by the reason.
GIVEN_UP = {
    "expired": "its expires= had passed when a node came to it: expire it later, or let it be due and run earlier",
    "revoked": "somebody revoked it before it began: look for revoke(...) of its id",
    "unknown task": "import the module that defines the task (app.autodiscover_tasks or include), or correct its name",
    "purged": "somebody purged its queue: look for purge()",
}


@dataclass(frozen=True, slots=True)
class Miss:
    """One thing that is there instead.

    Attributes:
        distance: How far it is from what was wanted; 0 is nearest.
        what: The difference in words.
        shown: The thing itself, or empty.
        hint: The next step that this difference calls for, or empty.
    """

    distance: int
    what: str
    shown: str = ""
    hint: str = ""


@dataclass(frozen=True, slots=True)
class WantedRun:
    """What is wanted of a run."""

    call: WantedCall
    state: object = None
    node: object = UNSET

    def matches(self, run: Run) -> bool:
        """Whether the run is as wanted."""
        return self._in_question(run) and next(self.differences_of(run), None) is None

    def differences_of(self, run: Run) -> Iterator[str]:
        """Each difference in words, lazily."""
        if self.state is not None and self.state != run.state:
            reason = f", {shorten(error_label(run.exception), 60)}" if run.exception is not None else ""
            yield f"wrong state: it is {run.state}{reason}"
        if self.node is not UNSET and self.node != run.node:
            yield f"wrong node: it ran on {run.node!r}"
        yield from self.call.differences_of(run)

    def misses(self, runs: Iterable[Run]) -> Iterator[Miss]:
        """The attempts that are not as wanted."""
        for run in runs:
            if run.started_at is not None and (texts := list(self.differences_of(run))):
                yield Miss(len(texts), f"right task, {together(texts)}", repr(run))

    def described(self) -> Iterator[str]:
        """Each thing that is wanted, in words."""
        yield from self.call.described()
        if self.state is not None:
            yield f"state={self.state!r}"
        if self.node is not UNSET:
            yield f"node={self.node!r}"

    def _in_question(self, run: Run) -> bool:
        # Only who asks for the state of a message that was given up means one.
        return run.started_at is not None or self.state is not None


def waiting_misses(
    messages: Iterable[Message], wanted: Wanted, unread: frozenset[str], *, task: str | None
) -> Iterator[Miss]:
    """The messages that wait, but are not as wanted."""
    for message in messages:
        texts = list(wanted.differences_of(message, unread))
        if texts:
            what = together(texts) if task is None else f"right task, {together(texts)}"
            unread_hint = _read_it(message.queue) if message.queue in unread else ""
            yield Miss(len(texts), what, repr(message), unread_hint)


def past_misses(past: Iterable[tuple[Message, str]], wanted: Wanted) -> Iterator[Miss]:
    """The messages that were sent, but wait no longer."""
    for message, fate in past:
        texts = list(wanted.differences_of(message))
        differences = f"; {together(texts)}" if texts else ""
        yield Miss(len(texts) + 1, f"right task, but it waits no longer: {fate}{differences}", repr(message))


def unrun_misses(messages: Iterable[Message], wanted: WantedCall, unread: frozenset[str]) -> Iterator[Miss]:
    """The messages that were sent, and have not run."""
    for message in messages:
        texts = list(wanted.differences_of(message))
        what = f"it was sent but has not run: {_whereabouts(message, unread)}"
        if texts:
            what += f"; {together(texts)}"
        hint = _read_it(message.queue) if message.queue in unread else "let it run: bench.settle() or bench.drain()"
        if message.eta is not None and message.queue not in unread:
            hint = "let time pass until it is due: bench.advance(...) or bench.drain()"
        yield Miss(len(texts), what, repr(message), hint)


def given_up_misses(past: Iterable[tuple[Message, str]], wanted: WantedCall) -> Iterator[Miss]:
    """The messages that were sent, and will never run."""
    for message, fate in past:
        if not fate.startswith("it was started"):
            texts = list(wanted.differences_of(message))
            differences = f"; {together(texts)}" if texts else ""
            hint = GIVEN_UP.get(fate.rpartition(": ")[2], "")
            yield Miss(len(texts) + 1, f"it was sent but has not run: {fate}{differences}", repr(message), hint)


def unrouted_misses(unrouted: Iterable[Published], task: str | None) -> Iterator[Miss]:
    """The messages that no queue took."""
    for published in unrouted:
        if published.task == task:
            key = f"{published.routing_key!r} of exchange {published.exchange!r}"
            hint = "declare the queue in task_queues, or start a node that reads it"
            yield Miss(1, f"it was sent, but no queue is bound to the routing key {key}", "", hint)


def never_sent(wanted: str, ledger: Ledger, known: Iterable[str]) -> Miss:
    """What to say of a task of which nothing was sent."""
    meant = nearest_name(wanted, {*ledger.sent, *known})
    if meant is None or meant == wanted:
        return Miss(0, f"never sent; {tasks_sent(ledger)}")
    hint = "pass the task itself, or its whole name"
    return Miss(0, f"never sent; did you mean {meant!r}? ({tasks_sent(ledger)})", hint=hint)


def tasks_sent(ledger: Ledger) -> str:
    """The names of the tasks that were sent, the most frequent first."""
    if not ledger.sent:
        return "no task was sent at all"
    names = sorted(ledger.sent, key=lambda name: (-ledger.sent[name], name))
    counted = [f"{name} ({ledger.sent[name]})" if ledger.sent[name] > 1 else name for name in names[:NAMES_SHOWN]]
    more = f" and {len(names) - NAMES_SHOWN} more" if len(names) > NAMES_SHOWN else ""
    return f"the tasks that were sent: {', '.join(counted)}{more}"


def together(texts: list[str]) -> str:
    """Several differences in one line, what they have in common said once."""
    first = [text for text in texts if not text.startswith(ARGUMENTS)]
    arguments = [text.removeprefix(ARGUMENTS) for text in texts if text.startswith(ARGUMENTS)]
    return "; ".join([*first, *([ARGUMENTS + ", ".join(arguments)] if arguments else [])])


def _whereabouts(message: Message, unread: frozenset[str]) -> str:
    if message.node is not None:
        place = f"{message.node!r} holds it"
    else:
        place = f"it waits in {message.queue!r}" + (", which no node reads" if message.queue in unread else "")
    if message.eta is not None:
        place += f", due {moment(message.eta)}"
    if message.transaction == "rolled back":
        place += "; it is in a transaction that was rolled back"
    elif message.transaction == "open":
        place += "; it is in a transaction that is still open"
    return place


def _read_it(queue: str) -> str:
    return f"start a node that reads it: bench.node(queues=[{queue!r}])"
