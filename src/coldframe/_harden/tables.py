"""How the rows of a table are compared: without their numbers, and with what the rows say that they point to."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from coldframe._harden.normal import normal, normal_values
from coldframe._harden.state import Rows

#: What frameworks keep for themselves.
THEIR_OWN = re.compile(
    r"sqlite_.*|django_migrations|django_content_type|django_session|auth_permission|alembic_version"
    r"|django_celery_results_.*|celery_taskmeta|celery_tasksetmeta|django_celery_beat_periodictasks?"
)

Row = tuple[Any, ...]

#: The kinds of keys that say nothing: numbers that a database gives, and random ids.
KEY = re.compile(r".*int.*|uuid|(?:var)?char(?:acter)?(?: varying)?\((?:32|36)\)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Table:
    """What must be known of a table to compare its rows.

    Attributes:
        columns: The places of the columns that are compared.
        names: What they are called.
        key: The place of the number of a row, or of its random id, if it has one.
        points_to: The table that a column points to, by the place of the column.
    """

    name: str
    columns: tuple[int, ...]
    names: tuple[str, ...]
    key: int | None
    points_to: Mapping[int, str]


def make_table(
    name: str, columns: Iterable[str], *, key: str | None, points_to: Mapping[str, str], ignore: frozenset[str]
) -> Table:
    """A table by the names of its columns."""
    places = {column: place for place, column in enumerate(columns)}
    compared = {place: column for column, place in places.items() if column != key and f"{name}.{column}" not in ignore}
    return Table(
        name,
        tuple(compared),
        tuple(compared.values()),
        None if key is None else places[key],
        {places[column]: other for column, other in points_to.items() if column in places},
    )


def numbers(tables: Mapping[str, Table], raw: Mapping[str, list[Row]]) -> frozenset[tuple[str, Any]]:
    """The tables and numbers of all rows that have one."""
    return frozenset(
        (name, row[table.key]) for name, table in tables.items() if table.key is not None for row in raw[name]
    )


def comparable(
    tables: Mapping[str, Table], raw: Mapping[str, list[Row]], known: frozenset[tuple[str, Any]] = frozenset()
) -> Rows:
    """All rows as they are compared, each with how often it is there.

    Args:
        tables: The tables.
        raw: Their rows, as the database gives them.
        known: The numbers of the rows that every run begins with: what points to them points to the same in every run.
    """
    labels: dict[tuple[str, Any], Row] = {}
    for name, table in tables.items():
        if table.key is not None:
            plain = [column for column in table.columns if column not in table.points_to]
            for row in raw[name]:
                if (name, row[table.key]) not in known:
                    labels[name, row[table.key]] = normal_values(row[column] for column in plain)
    return {
        name: Counter(_comparable_row(tables[name], row, labels) for row in rows) for name, rows in raw.items() if rows
    }


def _comparable_row(table: Table, row: Row, labels: Mapping[tuple[str, Any], Row]) -> Row:
    return tuple(
        labels.get((table.points_to[column], row[column]), row[column])
        if column in table.points_to and row[column] is not None
        else normal(row[column])
        for column in table.columns
    )
