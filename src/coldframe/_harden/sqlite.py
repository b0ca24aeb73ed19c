"""A SQLite database in a file of its own, put back by writing the file anew."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

from coldframe._harden.state import Columns, Rows
from coldframe._harden.tables import KEY, THEIR_OWN, Row, Table, comparable, make_table, numbers


class SqliteFile:
    """One database.

    Args:
        name: What it is called in reports.
        image: All of it, as SQLite serializes it.
        directory: Where the file goes that runs use.
        lead: Has the project use this path.
        ignore: Tables, or columns as `orders.attempts`, that runs are not compared by.
    """

    def __init__(
        self, name: str, image: bytes, directory: Path, lead: Callable[[Path], object], ignore: frozenset[str]
    ) -> None:
        self.name = name
        self._lead = lead
        self._ignore = ignore
        self.move(directory)
        self._remember(image)

    def _remember(self, image: bytes) -> None:
        self._image = _with_write_ahead_log(image, self._path)
        self._tables = _tables(self._path, self._ignore)
        self._known = numbers(self._tables, self._read())

    @property
    def file(self) -> str:
        """What the file is called that runs use."""
        return self._path.name

    def move(self, directory: Path) -> None:
        """Use a file in another directory from here on."""
        self._path = directory / f"{self.name}.sqlite3"
        self._lead(self._path)

    def put_back(self) -> None:
        """Write a new file: what dead runs still hold open is another one."""
        for suffix in ("", "-wal", "-shm", "-journal"):
            Path(f"{self._path}{suffix}").unlink(missing_ok=True)
        self._path.write_bytes(self._image)

    def rows(self) -> Rows:
        """All rows, each without its number, and with what the rows say that it points to."""
        return comparable(self._tables, self._read(), self._known)

    def columns(self) -> Columns:
        """What the columns that are compared are called."""
        return {name: table.names for name, table in self._tables.items()}

    def _read(self) -> dict[str, list[Row]]:
        connection = sqlite3.connect(self._path)
        try:
            return {name: connection.execute(f'SELECT * FROM "{name}"').fetchall() for name in self._tables}  # noqa: S608
        finally:
            connection.close()


def image_in(path: Path) -> bytes:
    """All of a database in a file."""
    connection = sqlite3.connect(path)
    try:
        return image_of(connection)
    finally:
        connection.close()


def image_of(connection: sqlite3.Connection) -> bytes:
    """All of a database as a connection sees it, also what it has not committed."""
    try:
        return connection.serialize()
    except sqlite3.OperationalError:  # a file with a write-ahead log cannot be serialized: copy it before
        copy = sqlite3.connect(":memory:")
        try:
            connection.backup(copy)
            return copy.serialize()
        finally:
            copy.close()


def _with_write_ahead_log(image: bytes, path: Path) -> bytes:
    """The same database, which readers can read while somebody writes."""
    path.write_bytes(image)
    connection = sqlite3.connect(path)
    try:
        connection.execute("PRAGMA journal_mode=WAL").fetchone()
    finally:
        connection.close()
    return path.read_bytes()


def _tables(path: Path, ignore: frozenset[str]) -> dict[str, Table]:
    connection = sqlite3.connect(path)
    try:
        found = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name").fetchall()
        names = [name for (name,) in found if not THEIR_OWN.fullmatch(name) and name not in ignore]
        return {name: _table(connection, name, ignore) for name in names}
    finally:
        connection.close()


def _table(connection: sqlite3.Connection, name: str, ignore: frozenset[str]) -> Table:
    columns = connection.execute(f'PRAGMA table_info("{name}")').fetchall()
    keys = [(column, kind) for _place, column, kind, _null, _default, key in columns if key]
    key = keys[0][0] if len(keys) == 1 and KEY.fullmatch(keys[0][1]) else None
    pointing = connection.execute(f'PRAGMA foreign_key_list("{name}")').fetchall()
    return make_table(
        name,
        (column[1] for column in columns),
        key=key,
        points_to={row[3]: row[2] for row in pointing},
        ignore=ignore,
    )
