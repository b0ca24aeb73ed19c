"""A whole trace as text or as a file: JSON lines, the first of which names the version."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from coldframe._core.event_json import event_to_line
from coldframe._core.events import Event
from coldframe._core.plain import RecordedError, RecordedRepr
from coldframe._core.trace import HEADER, MemoryTrace, read_lines
from coldframe.errors import SetupError

__all__ = ["RecordedError", "RecordedRepr", "dumps", "load", "loads", "save"]


def dumps(trace: Iterable[Event]) -> str:
    """The trace as text, the same in every process for the same events."""
    return "".join(f"{line}\n" for line in (HEADER, *map(event_to_line, trace)))


def loads(text: str) -> MemoryTrace:
    """The trace that a text holds.

    Raises:
        SetupError: The version is another one, or a line holds no event.
    """
    return MemoryTrace(read_lines(text.removesuffix("\n").split("\n"), "the text"))


def save(trace: Iterable[Event], path: str | Path) -> None:
    """Write the trace to a file, event by event."""
    with Path(path).open("w", encoding="utf-8", newline="\n") as file:
        file.write(f"{HEADER}\n")
        file.writelines(f"{event_to_line(event)}\n" for event in trace)


def load(path: str | Path) -> MemoryTrace:
    """Read a trace from a file.

    Raises:
        SetupError: There is no such file, its version is another one, or a line holds no event.
    """
    try:
        with Path(path).open(encoding="utf-8", errors="backslashreplace", newline="\n") as lines:
            return MemoryTrace(read_lines(lines, str(path)))
    except FileNotFoundError:
        raise SetupError(
            f"there is no trace {str(path)!r}", hint="save one first, or look for the path the run printed"
        ) from None
