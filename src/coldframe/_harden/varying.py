"""What a task draws by lot, or makes from the time: it may be another value in every correct run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from coldframe._harden.ending import Ending, said_else
from coldframe._harden.rows import without
from coldframe._harden.tables import Row


def varying(one: Ending, other: Ending) -> frozenset[str]:
    """What differs between two untouched runs that drew other random numbers at another moment.

    Returns:
        Columns, as `orders.code`, and what was sent outside, if only what it said differs.
    """
    said = (what for what in one.said if what in other.said and said_else(one.said[what], other.said[what]))
    return frozenset((*_columns(one, other), *said))


def _columns(one: Ending, other: Ending) -> Iterator[str]:
    for table, names in one.columns.items():
        before, after = one.rows.get(table, Counter()), other.rows.get(table, Counter())
        if before == after:
            continue
        places = [place for place in range(len(names)) if _column(before, place) != _column(after, place)]
        if without(before, places) == without(after, places):
            yield from (f"{table}.{names[place]}" for place in places)


def _column(rows: Counter[Row], place: int) -> Counter[object]:
    return Counter(row[place] for row in rows.elements())
