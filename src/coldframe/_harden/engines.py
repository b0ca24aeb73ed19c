"""SQLAlchemy's engines, whose databases are put back between runs."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from coldframe._harden.sqlite import SqliteFile, image_of
from coldframe._harden.state import Part
from coldframe.errors import SetupError


def find_engines(engines: Iterable[Any], directory: Path, stack: ExitStack, ignore: frozenset[str]) -> Iterator[Part]:
    """The databases of some engines, which lead to copies until the stack closes.

    Raises:
        SetupError: One of them cannot be copied.
    """
    for number, given in enumerate(engines, start=1):
        engine = getattr(given, "sync_engine", given)
        path = engine.url.database if engine.dialect.name == "sqlite" else None
        if not path or "memory" in path:
            raise SetupError(
                f"the database of {given!r} cannot be put back between runs",
                hint="harden knows SQLite in a file: let the engine use one for this scenario, or put back what its "
                "tasks change with harden(..., reset=...)",
            )
        yield EngineFile(engine, Path(path), f"{Path(path).stem}-{number}", directory, stack, ignore)


class EngineFile(SqliteFile):
    """The SQLite database of an engine.

    Args:
        engine: The engine; of an asynchronous one the other one inside it.
        path: The database that it was made for.
        name: What it is called in reports.
        directory: Where the file goes that runs use.
        stack: Has the engine use its own database again.
        ignore: Tables, or columns as `orders.attempts`, that runs are not compared by.
    """

    def __init__(
        self, engine: Any, path: Path, name: str, directory: Path, stack: ExitStack, ignore: frozenset[str]
    ) -> None:
        from sqlalchemy import event

        self._engine = engine
        stack.callback(self._let_go)
        event.listen(engine, "do_connect", self._connect)
        stack.callback(event.remove, engine, "do_connect", self._connect)
        connection = sqlite3.connect(path)
        try:
            image = image_of(connection)
        finally:
            connection.close()
        super().__init__(name, image, directory, self._use, ignore)

    def put_back(self) -> None:
        """Write a new file, and let go of connections to the old one."""
        self._let_go()
        super().put_back()

    def _use(self, path: Path) -> None:
        self._let_go()
        self._led_to = str(path)

    def _connect(self, dialect: Any, _record: Any, arguments: list[Any], options: dict[str, Any]) -> Any:
        return dialect.connect(self._led_to, *arguments[1:], **options)

    def _let_go(self) -> None:
        """Only a connection that is not asynchronous can be closed from here."""
        self._engine.dispose(close=not self._engine.dialect.is_async)
