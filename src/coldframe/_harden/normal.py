"""Rows and messages without what may differ between two correct runs: moments of the run, and random ids."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from math import floor
from typing import Any

UUID = re.compile(r"\b[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}\b", re.IGNORECASE)
MOMENT = re.compile(
    r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?: ?(?:Z|UTC|[-+]\d\d:?\d\d))?"
    r"|\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d? \w{3} \d{4} \d\d:\d\d:\d\d(?: [-+]\d{4})?"
)
#: A name that `tempfile` gave: it stays random on a bench, as other processes look for free names, too.
TEMPORARY_NAME = re.compile(r"\btmp[a-z0-9_]{8}\b")

#: Shorter texts have none of these.
SHORTEST = 10

#: Seconds since 1970, and fractions of them, from 2023 to 2030: numbers that begin with a year are beyond it.
EPOCHS = tuple((1.7e9 * unit, 1.9e9 * unit, unit) for unit in (1, 10**3, 10**6, 10**9))
EPOCH = re.compile(r"(?<![\w.])1[78]\d{8}(?:\d{3}|\d{6}|\d{9})?(?:\.\d+)?(?![\w.])")

DAY_S = 86_400

#: Where one day ends and the next begins, seen from the first moment of a run: not where spans that people write end,
#: which are whole hours, so that the delay of a retry does not move a moment to another day.
BEFORE_A_FULL_DAY = 0.39

#: From when to when the run went whose rows are read, in seconds since 1970; everywhere if it is not known.
_RUN: ContextVar[tuple[float, float]] = ContextVar("coldframe_run", default=(float("-inf"), float("inf")))


@contextmanager
def of_a_run(begin: float, end: float) -> Iterator[None]:
    """Inside this block, moments of that run are told as such, and others by their distance in days.

    What a task reckons from now differs by the time that a retry takes; what it reckons twice differs by days.
    """
    token = _RUN.set((begin, end))
    try:
        yield
    finally:
        _RUN.reset(token)


def normal_text(text: str) -> str:
    """A text with its moments and random ids replaced by words."""
    if len(text) < SHORTEST:
        return text
    return TEMPORARY_NAME.sub("tmp…", UUID.sub("«id»", EPOCH.sub(_told_number, MOMENT.sub(_told, text))))


def normal(value: Any) -> Any:
    """A value from a row or from the details of an effect, made comparable and hashable."""
    if isinstance(value, str):
        return normal_text(value)
    if isinstance(value, dict):
        return tuple(sorted((str(key), normal(item)) for key, item in value.items()))
    if isinstance(value, list | tuple):
        return tuple(normal(item) for item in value)
    if isinstance(value, bytes):
        return value
    if isinstance(value, datetime):
        return _moment(_seconds(value))
    if hasattr(value, "isoformat"):
        return "«moment»" if hasattr(value, "hour") else value
    if isinstance(value, int | float):
        unit = next((unit for begin, end, unit in EPOCHS if begin < value < end), None)
        return value if unit is None else _moment(value / unit)
    return value


def normal_values(values: Iterable[Any]) -> tuple[Any, ...]:
    """The values of a row."""
    return tuple(normal(value) for value in values)


def _told(found: re.Match[str]) -> str:
    try:
        moment = datetime.fromisoformat(found[0].replace(" UTC", "Z").replace(" +", "+"))
    except ValueError:  # as the headers of a mail write it: it tells when it was sent
        return "«moment»"
    return _moment(_seconds(moment))


def _told_number(found: re.Match[str]) -> str:
    return str(normal(float(found[0])))


def _seconds(moment: datetime) -> float:
    return (moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)).timestamp()


def _moment(seconds: float) -> str:
    begin, end = _RUN.get()
    if begin - DAY_S <= seconds <= end + DAY_S:
        return "«moment»"
    days = floor((seconds - begin) / DAY_S + BEFORE_A_FULL_DAY)
    return f"«moment {days:+d} days»"
