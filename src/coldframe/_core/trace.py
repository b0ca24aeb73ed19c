"""The trace: the one ordered record of all that happened on a bench.

Everything that is asserted, reported or compared is read from here. A trace is kept in memory, or streamed
to a file of JSON lines so that memory stays bounded; both are read the same way.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self, TypeVar

from coldframe._core.event_json import event_from_line, event_to_line
from coldframe._core.events import Event
from coldframe.errors import SetupError

E = TypeVar("E", bound=Event)

VERSION = 1
HEADER = json.dumps({"coldframe_trace": VERSION})


class Trace(Protocol):
    """An append-only sequence of events."""

    def append(self, event: Event, /) -> None:
        """Record an event."""

    def __iter__(self) -> Iterator[Event]: ...

    def __len__(self) -> int: ...


class MemoryTrace(list[Event]):
    """A trace in memory: a list of events, which keeps results and exceptions as the objects they are."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"<MemoryTrace of {len(self)} events>"


class FileTrace:
    """A trace that is streamed to a file of JSON lines, so that its length costs no memory.

    Iterating gives the events that were appended before it began, read back lazily from the file: results
    and exceptions come as the file keeps them.

    Args:
        path: The file, which is written anew.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._length = 0
        try:
            self._file = self.path.open("w", encoding="utf-8", newline="\n")
        except OSError as error:
            raise SetupError(
                f"the trace cannot be written to {str(path)!r}: {error.strerror}",
                hint="give the path of a file in a directory that exists and can be written to",
            ) from None
        self._file.write(f"{HEADER}\n")

    def append(self, event: Event, /) -> None:
        """Record an event.

        Raises:
            SetupError: The trace is closed.
        """
        if self._file.closed:
            raise SetupError(
                f"an event was recorded after the trace {str(self.path)!r} was closed",
                hint="close the trace after the bench, or read it without closing: iterating flushes it",
            )
        self._file.write(f"{event_to_line(event)}\n")
        self._length += 1

    def __iter__(self) -> Iterator[Event]:
        if not self._file.closed:
            self._file.flush()
        return self._read(self._length)

    def __len__(self) -> int:
        return self._length

    def __repr__(self) -> str:
        return f"<FileTrace of {self._length} events in {str(self.path)!r}>"

    def close(self) -> None:
        """Flush and close the file; the trace can still be read."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _read(self, length: int) -> Iterator[Event]:
        with self.path.open(encoding="utf-8", errors="backslashreplace", newline="\n") as lines:
            yield from islice(read_lines(lines, str(self.path)), length)


def read_lines(lines: Iterable[str], source: str) -> Iterator[Event]:
    """The events in the lines of a trace, lazily.

    Args:
        lines: The lines, the first of which names the version.
        source: Where they are from, for the error.

    Raises:
        SetupError: The version is another one, or a line holds no event.
    """
    numbered = enumerate(lines, start=1)
    _check_header(next(numbered, (1, ""))[1], source)
    for number, line in numbered:
        try:
            yield event_from_line(line)
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise SetupError(
                f"line {number} of {source} holds no event: {error}",
                hint="the file was cut off or edited: record the trace again, or delete that line",
            ) from error


def _check_header(line: str, source: str) -> None:
    try:
        version = json.loads(line)["coldframe_trace"]
    except (ValueError, TypeError, KeyError):
        raise SetupError(
            f"{source} is no trace: its first line is {line[:60].rstrip()!r}",
            hint=f"a trace begins with the line {HEADER}",
        ) from None
    if version != VERSION:
        raise SetupError(
            f"{source} is a trace of version {version!r}, and this Coldframe reads version {VERSION}",
            hint="read it with the Coldframe that wrote it, or record it again",
        )
