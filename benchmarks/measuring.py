"""Clocks, rounds and rows: what every benchmark here is made of."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from statistics import median

from coldframe._core.clock import real_perf_counter

#: Processor time of this process: what else the machine does counts as little as possible.
cpu_seconds = time.process_time

#: Real time, for what waits for others; no bench makes it virtual.
wall_seconds = real_perf_counter

MICROSECONDS = 1e6
MILLISECONDS = 1e3


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table."""

    what: str
    bench: str
    compared: str
    ratio: str
    target: str
    met: bool


@dataclass(frozen=True, slots=True)
class Section:
    """The rows of one question, or why it could not be asked."""

    title: str
    rows: tuple[Row, ...] = ()
    skipped: str = ""


def interleaved(rounds: int, *measures: Callable[[], float]) -> list[float]:
    """The median of each measure over some rounds, each of which takes every measure once."""
    taken = [[measure() for measure in measures] for _ in range(rounds)]
    return [median(column) for column in zip(*taken, strict=True)]


def each(count: int, work: Callable[[int], object], clock: Callable[[], float] = cpu_seconds) -> float:
    """The time of one call, over many calls."""
    began = clock()
    for number in range(count):
        work(number)
    return (clock() - began) / count


def micros(seconds: float) -> str:
    return f"{seconds * MICROSECONDS:.0f} µs"


def millis(seconds: float) -> str:
    return f"{seconds * MILLISECONDS:.1f} ms"


def as_table(header: Iterable[str], lines: Iterable[Iterable[str]]) -> list[str]:
    """A Markdown table whose columns line up, so that it also reads well in a terminal."""
    cells = [list(header), *(list(line) for line in lines)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(cells[0]))]
    padded = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |" for line in cells
    ]
    return [padded[0], "| " + " | ".join("-" * width for width in widths) + " |", *padded[1:]]
