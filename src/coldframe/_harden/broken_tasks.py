"""What became of the tasks whose runs were broken."""

from __future__ import annotations

from coldframe._core.events import Acked, Broken, Event, Finished


def was_acked_early(trace: tuple[Event, ...]) -> bool:
    """Whether the message of one is acked, and no attempt at the task came to its end."""
    acked = {event.task_id for event in trace if isinstance(event, Acked)}
    finished = {event.task_id for event in trace if isinstance(event, Finished) and event.at_process}
    return bool((_broken(trace) & acked) - finished - {None})


def was_tried_again(trace: tuple[Event, ...]) -> bool:
    """Whether an attempt at one ended with the wish for another one."""
    wished = {event.task_id for event in trace if isinstance(event, Finished) and event.state == "RETRY"}
    return bool(_broken(trace) & wished)


def _broken(trace: tuple[Event, ...]) -> set[str | None]:
    return {event.task_id for event in trace if isinstance(event, Broken)}
