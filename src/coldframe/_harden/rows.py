"""What differs in the rows that two runs left: which are too many, which are missing, and which columns say else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from coldframe._harden.ending import Ending, differences
from coldframe._harden.tables import Row
from coldframe._harden.verdicts import DIVERGED, DUPLICATED, LOST

#: How much of a row is told.
WIDEST = 70


def facts_of_rows(untouched: Ending, broken: Ending, ignore: frozenset[str]) -> Iterator[tuple[str, str]]:
    """Each table that differs: a verdict, and what differs in words."""
    for table in sorted({*untouched.rows, *broken.rows} - ignore):
        names = untouched.columns.get(table, ())
        left_out = [place for place, name in enumerate(names) if f"{table}.{name}" in ignore]
        columns = tuple(name for place, name in enumerate(names) if place not in left_out)
        before = without(untouched.rows.get(table, Counter()), left_out)
        after = without(broken.rows.get(table, Counter()), left_out)
        missing, extra = differences(before, after)
        if not missing and not extra:
            continue
        count = after.total() - before.total()
        if count > 0:
            repeated = any(after[row] > before[row] > 0 for row in extra)
            verdict = DUPLICATED if repeated or not missing else DIVERGED
            yield verdict, f"{_rows(count)} too many in {table}: {_told(columns, min(extra, key=repr))}"
        elif count < 0:
            yield LOST, f"{_rows(-count)} missing in {table}: {_told(columns, min(missing, key=repr))}"
        else:
            differ = "differs" if extra.total() == 1 else "differ"
            yield DIVERGED, f"{_rows(extra.total())} of {table} {differ}: {_changed(columns, missing, extra)}"


def without(rows: Counter[Row], places: list[int]) -> Counter[Row]:
    """The rows without some of their columns."""
    if not places:
        return rows
    left: Counter[Row] = Counter()
    for row, count in rows.items():
        left[tuple(value for place, value in enumerate(row) if place not in places)] += count
    return left


def _rows(count: int) -> str:
    return f"{count} row{'s' if count != 1 else ''}"


def _changed(columns: tuple[str, ...], missing: Counter[Row], extra: Counter[Row]) -> str:
    """The columns in which a row differs from the one that it is most like."""
    pairs = ((one, other) for one in sorted(extra, key=repr) for other in sorted(missing, key=repr))
    found, expected = min(pairs, key=lambda pair: len(_places(*pair)))
    places = _places(found, expected)
    told = ", ".join(
        f"{columns[place]} {_value(found[place])} instead of {_value(expected[place])}" for place in places
    )
    same = [place for place in range(len(columns)) if place not in places and isinstance(found[place], int | str)]
    which = f" ({columns[same[0]]} {_value(found[same[0]])})" if same and found[same[0]] != "" else ""
    return f"{told}{which}"


def _places(one: Row, other: Row) -> list[int]:
    return [place for place, values in enumerate(zip(one, other, strict=True)) if values[0] != values[1]]


def _told(columns: tuple[str, ...], row: Row) -> str:
    return _shortened(", ".join(f"{column} {_value(value)}" for column, value in zip(columns, row, strict=True)))


def _value(value: Any) -> str:
    return "…" if isinstance(value, tuple) else _shortened(repr(value))


def _shortened(text: str) -> str:
    return text if len(text) < WIDEST else f"{text[: WIDEST - 1]}…"
