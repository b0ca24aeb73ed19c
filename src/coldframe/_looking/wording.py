"""How values, spans and calls are put into words, on one line."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from coldframe._core.plain import stable_repr

UNITS = (("d", 86_400_000_000), ("h", 3_600_000_000), ("min", 60_000_000), ("s", 1_000_000), ("ms", 1_000))


def shorten(text: str, width: int) -> str:
    """The text on one line and cut to the width, the last place then an ellipsis."""
    line = " ".join(text.split()) if "\n" in text else text
    return line if len(line) <= width else f"{line[: max(width - 1, 0)]}…"


def span(length: timedelta) -> str:
    """A span in its two largest units, as in `1 h 30 min`; seconds below a minute keep their milliseconds."""
    micros = abs(length) // timedelta(microseconds=1)
    if micros < 1_000:
        return f"{micros} µs" if micros else "0 s"
    if 1_000_000 <= micros < 60_000_000:
        return f"{math.floor(micros / 1_000) / 1_000:g} s"
    parts = []
    for unit, size in UNITS:
        count, micros = divmod(micros, size)
        if count:
            parts.append(f"{count} {unit}")
        if len(parts) == 2 or (parts and not count):
            break
    return " ".join(parts)


def moment(when: datetime) -> str:
    """A moment in UTC, without microseconds that are zero."""
    return str(when.astimezone(UTC))


def call(name: str, args: Sequence[object], kwargs: Mapping[str, object], width: int = 80) -> str:
    """A call as it would be written, as in `charge(7, dry_run=True)`; long arguments are cut."""
    return f"{name}({arguments(args, kwargs, width)})"


def arguments(args: Sequence[object], kwargs: Mapping[str, object], width: int = 80) -> str:
    """Arguments as they would be written in a call."""
    parts = [stable_repr(value) for value in args]
    parts += [f"{key}={stable_repr(value)}" for key, value in kwargs.items()]
    return shorten(", ".join(parts), width)


def times(count: int, noun: str, nouns: str | None = None) -> str:
    """A count with its noun, as in `1 message` and `2 messages`."""
    return f"{count} {noun if count == 1 else nouns or f'{noun}s'}"
