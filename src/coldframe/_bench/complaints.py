"""What a bench complains about: failed tasks, messages nobody reads, waiting in vain, work without end."""

from __future__ import annotations

import traceback
from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from coldframe._bench.traceback_text import is_raised_outside_task, own_frames
from coldframe._core.events import Published
from coldframe._core.moments import to_datetime
from coldframe._looking.names import nearest_name
from coldframe.errors import NeverEnds, NeverReady, NeverRun, TaskFailed, TaskStuck, UnreadQueue, WorkError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from coldframe._celery.tracer import Attempt
    from coldframe._celery.world import World
    from coldframe._core.events import Event, NodeChanged
    from coldframe._core.fibers import Process
    from coldframe._looking.messages import Message

#: How many of several messages an error lists.
SHOWN = 5


def task_failed(failures: list[Attempt], trace: Iterable[Event]) -> TaskFailed:
    """The error for failures that the test did not expect, with the first one's own traceback.

    Args:
        failures: The attempts that failed.
        trace: What happened, to tell which task sent the first one.
    """
    first = failures[0]
    others = f" (and {len(failures) - 1} more failed)" if len(failures) > 1 else ""
    lines = [f"task {first.task} [{first.task_id[:8]}] failed on node {first.node.name!r}: {first.exception!r}{others}"]
    sender = _sender(first.task_id, trace)
    if sender:
        lines.append(f"it was sent by {sender}, in its code or as its callback")
    if first.traceback:
        if is_raised_outside_task(first.traceback) and type(first.exception).__name__ == "EncodeError":
            lines.append("what it returned cannot be stored: return JSON-safe values, or set ignore_result=True")
        lines.append(own_frames(first.traceback).rstrip())
    lines.extend(f"also failed: {other.task} [{other.task_id[:8]}]: {other.exception!r}" for other in failures[1:6])
    error = TaskFailed(
        "\n".join(lines),
        hint="if the test expects this failure, read the result (result.get() or result.state), call "
        "bench.expect_failure(...) before, or open the bench with failures='collect' and look at bench.runs()",
    )
    error.__cause__ = first.exception
    return error


def errback_raised(attempt: Attempt, name: str, error: BaseException) -> TaskFailed:
    """The error for an errback (`link_error`) that raised: Celery logs that, and goes on."""
    text = own_frames("".join(traceback.format_exception(error, chain=False))).rstrip()
    complaint = TaskFailed(
        f"errback {name} of task {attempt.task} [{attempt.task_id[:8]}] raised {error!r}\n{text}",
        hint="a worker only logs this, and nobody hears of the failed task: mend the errback (it is called with "
        "request, exception and traceback), or call bench.expect_failure(...) before",
    )
    complaint.__cause__ = error
    return complaint


def _sender(task_id: str, trace: Iterable[Event]) -> str:
    """The task that sent a task, or nothing when none did, or when it is the task itself that tries again."""
    names: dict[str, str] = {}
    for event in trace:
        if isinstance(event, Published) and event.task_id is not None:
            names.setdefault(event.task_id, event.task or "a task")
            if event.task_id == task_id:
                by = event.by_task_id
                return f"task {names.get(by, '')} [{by[:8]}]" if by not in (None, task_id) else ""
    return ""


def unknown_task(task: str | None, node: str, known: Iterable[str]) -> TaskFailed:
    """The error for a message whose task the node's app does not know."""
    near = nearest_name(task or "", known)
    return TaskFailed(
        f"node {node!r} got a message for task {task!r}, which its app does not know (NotRegistered)",
        hint="Import the module that defines it (app.autodiscover_tasks or include), or correct the name"
        + (f" (did you mean {near!r}?)" if near else "")
        + "; a renamed task needs its old name until the last old message has been read",
    )


def unread_queues(
    unread: list[tuple[str, list[Any]]], lost: list[tuple[str, str, str]], gone: Iterable[NodeChanged] = ()
) -> UnreadQueue:
    """The error for messages that no node will ever read.

    Args:
        unread: The messages that wait, by queue.
        lost: Task, exchange and routing key of messages that no queue took.
        gone: The nodes that an error ended.
    """
    lines = []
    for queue, messages in unread:
        tasks = Counter(message.task or "a message" for message in messages)
        listed = ", ".join(f"{task} ×{count}" if count > 1 else task for task, count in tasks.items())
        many = "1 message waits" if len(messages) == 1 else f"{len(messages)} messages wait"
        lines.append(f"{many} in queue {queue!r}, which no node reads: {listed}")
    lines.extend(
        f"{task} was sent to exchange {exchange!r} with routing key {key!r}, where no queue is bound: it is lost"
        for task, exchange, key in lost
    )
    stopped = [f"node {event.node!r} had stopped with {event.detail}" for event in gone]
    lines += stopped
    leave = "to leave them, open the bench with unread='collect'"
    if not unread:
        return UnreadQueue(
            "\n".join(lines),
            hint=f"bind a queue to that key (Queue(name, exchange, routing_key=...) in task_queues), or send to a "
            f"queue by its name: queue=...; {leave}",
        )
    queue = unread[0][0]
    if stopped:
        return UnreadQueue(
            "\n".join(lines),
            hint="mend what stopped it (bench.timeline() tells when), or start another one in its place, as a "
            f"supervisor would: bench.node('{queue}-2', queues=['{queue}']); {leave}",
        )
    return UnreadQueue(
        "\n".join(lines),
        hint=f"in production they would wait for ever: correct the route (queue=..., task_routes), or let a node read "
        f"it: bench.node('{queue}', queues=['{queue}']); {leave}",
    )


def never_run(messages: Sequence[Message]) -> NeverRun:
    """The error for messages that a node would run, and that the test did not let run."""
    count = len(messages)
    tasks = "1 task was" if count == 1 else f"{count} tasks were"
    lines = [f"{tasks} sent and never run: the test ended without bench.drain(), settle() or advance(...)"]
    lines.extend(f"  {message!r}" for message in messages[:SHOWN])
    if count > SHOWN:
        lines.append(f"  and {count - SHOWN} more")
    name = messages[0].task.rpartition(".")[2]
    return NeverRun(
        "\n".join(lines),
        hint=f"let it run before the test ends: bench.drain(); if sending it is all that matters, say so: "
        f"bench.assert_queued({name!r}), or undrained='allow' (on the marker coldframe, or in bench_options)",
    )


def never_ends_with_beat(count: int) -> NeverEnds:
    """The error for draining while beat runs."""
    return NeverEnds(
        f"the bench cannot be drained while beat is on ({count} running): beat always sends more",
        hint="let a span of time pass instead: bench.advance(hours=24), or bench.run_until(moment)",
    )


def never_ends(attempt: Attempt, limit: int, sent: Counter[str], *, is_retry: bool) -> NeverEnds:
    """The error for tasks that send each other, or themselves again, for ever."""
    if len(sent) == 1 and is_retry:
        return NeverEnds(
            f"{attempt.task} [{attempt.task_id[:8]}] is tried again for ever: this was try number {limit:,}",
            hint="give it a max_retries (None never gives up), and let it raise something else than a retry in the "
            "end; if it polls on purpose, let a span of time pass instead of draining: bench.advance(...)",
        )
    busiest = ", ".join(f"{task} ran {count} times" for task, count in sent.most_common(3))
    return NeverEnds(
        f"there is always more to do: {attempt.task} is the {limit}th task in a chain of which each sent the next "
        f"({busiest})",
        hint="if it polls on purpose, use bench.advance(...) for a span of time; else look at what makes it send "
        "itself or retry again (max_retries=None never gives up); a longer chain needs Bench(..., longest_chain=...)",
    )


def given_back_for_ever(attempt: Attempt, limit: int) -> NeverEnds:
    """The error for a task whose message goes back to its queue each time."""
    return NeverEnds(
        f"{attempt.task} [{attempt.task_id[:8]}] is delivered again for ever: each time its process dies, or it gives "
        f"its message back; this was try number {limit:,}",
        hint="a message that kills its worker, or that its task gives back, is poison: count its deliveries, and "
        "reject it without requeue in the end",
    )


def too_far(world: World, limit: timedelta, upcoming: int) -> NeverEnds:
    """The error for a drain that would have to jump too far ahead."""
    return NeverEnds(
        f"the bench is not empty after {limit}: the next thing is due at {to_datetime(upcoming)}",
        hint="a task with a far ETA or a long retry delay is waiting: bench.queued() lists it; "
        "drain(within=timedelta(...)) goes further",
    )


def stuck(task: str, task_id: str, seconds: float) -> TaskStuck:
    """The error for a task that computes for ever."""
    return TaskStuck(
        f"task {task} [{task_id[:8]}] has run for {seconds:g} s of real time without ever waiting, "
        "so virtual time stands still",
        hint="it loops for ever, or computes for long: let it wait (sleep, I/O) in its loop, or open the bench with "
        "a larger stuck_after=...",
    )


def never_ready(world: World, waited_for: Any, queued: list[Any]) -> NeverReady:
    """The error for a result that can no longer come."""
    task_id = getattr(waited_for, "id", None)
    what = f"result {task_id}" if task_id else "what the test waits for"
    message = next((message for message in queued if message.task_id == task_id), None)
    unread = dict(world.broker.unread())
    held_up = [one for one in queued if one.queue in unread and one.task_id in _awaited_before(waited_for)]
    if held_up:
        message = held_up[0]
        role = "a member of its group or chord" if _is_of_group(waited_for) else "a task before it in its chain"
        why = f"{message.task}, {role}, waits in queue {message.queue!r}, which no node reads"
        hint = f"correct the route, or let a node read it: bench.node('{message.queue}', queues=['{message.queue}'])"
    elif message is not None and message.queue in unread:
        why = f"task {message.task} waits in queue {message.queue!r}, which no node reads"
        hint = f"correct the route, or let a node read it: bench.node('{message.queue}', queues=['{message.queue}'])"
    elif message is not None:
        why = f"its message is still there ({message!r}), but nothing will move it"
        hint = "look at bench.timeline(); is its node stopped or killed?"
    else:
        why = "nothing is left to run, and the result was not stored"
        hint = (
            "was the task sent at all, on this app? Was its message lost, revoked or run with ignore_result? "
            "bench.timeline() tells what happened; get(timeout=...) gives up after a span of virtual time"
        )
    return NeverReady(f"{what} will never come: {why}", hint=hint)


def never_released(waiter: Any, holder: Process, *, is_test: bool) -> NeverReady:
    """The error for a lock in the database that a task waits for in vain."""
    attempt = getattr(waiter, "attempt", None)
    who = f"task {attempt.task} [{attempt.task_id[:8]}]" if attempt is not None else repr(waiter.name)
    if is_test:
        why = "the test holds, in a transaction that it has not ended"
        hint = "commit or roll back in the test before it waits for tasks, with bench.drain() or result.get()"
    elif waiter is holder:
        why = "it holds itself, in another transaction that it has not ended"
        hint = "use one session for both, or end the first one before"
    else:
        why = f"{holder.name!r} holds, in a transaction that it does not end"
        hint = "let tasks end their transactions before they wait for each other"
    return NeverReady(f"{who} waits for a lock in the database that {why}", hint=hint)


def _awaited_before(waited_for: Any) -> set[str]:
    """The ids of the tasks that must end before a result can come: members of groups, and what is before in a chain."""
    ids: set[str] = set()
    waiting = [*(getattr(waited_for, "results", None) or ()), getattr(waited_for, "parent", None)]
    while waiting:
        result = waiting.pop()
        if result is not None:
            ids.add(result.id)
            waiting += [*(getattr(result, "results", None) or ()), getattr(result, "parent", None)]
    return ids


def _is_of_group(waited_for: Any) -> bool:
    return any(hasattr(result, "results") for result in (waited_for, getattr(waited_for, "parent", None)))


def as_group(errors: list[WorkError]) -> Exception:
    """One error as it is; several in a group."""
    return errors[0] if len(errors) == 1 else ExceptionGroup("several things went wrong on the bench", errors)
