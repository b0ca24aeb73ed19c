"""Formatted tracebacks of tasks, without the frames that are the same in each."""

from __future__ import annotations

import re

#: A frame of the code that runs every task, or that serializes what it takes and returns.
LIBRARY_FRAME = re.compile(
    r'  File "[^"]*[/\\](?:coldframe[/\\]_'
    r"|celery[/\\](?:app[/\\](?:trace|task|autoretry|base|amqp)|canvas|backends[/\\]\w+)\.py"
    r"|kombu[/\\]|json[/\\](?:encoder|decoder|__init__)\.py|contextlib\.py)"
)
FRAME = '  File "'


def own_frames(text: str) -> str:
    """A formatted traceback without the frames of libraries; what it says of the errors themselves stays."""
    kept = []
    for entry in re.split(rf"(?m)^(?={FRAME})", text):
        if not LIBRARY_FRAME.match(entry):
            kept.append(entry)
        elif beyond := re.search(r"(?m)^\S", entry):
            kept.append(entry[beyond.start() :])
    return "".join(kept)


def is_raised_outside_task(text: str) -> bool:
    """Whether no code of the task itself is in a traceback: what it returned could not be stored."""
    return FRAME not in own_frames(text)
