"""SQLAlchemy's engines, whose databases are put back between runs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from coldframe._harden.postgresql import Connect, PostgresCopy, name_of_copy
from coldframe._harden.sqlite import SqliteFile, image_in
from coldframe.errors import SetupError


def find_engines(
    engines: Iterable[Any], directory: Path, stack: ExitStack, ignore: frozenset[str]
) -> Iterator[EngineFile | EnginePostgres]:
    """The databases of some engines, which lead to copies until the stack closes: also the set-up writes to them.

    Raises:
        SetupError: One of them cannot be copied.
    """
    for number, given in enumerate(engines, start=1):
        engine = getattr(given, "sync_engine", given)
        path = engine.url.database if engine.dialect.name == "sqlite" else None
        if path and "memory" not in path:
            yield EngineFile(engine, Path(path), f"{Path(path).stem}-{number}", directory, stack, ignore)
        elif engine.dialect.name == "postgresql":
            yield EnginePostgres(engine, f"{directory.name}_{number}", stack, ignore)
        else:
            raise SetupError(
                f"the database of {given!r} cannot be put back between runs",
                hint="harden knows PostgreSQL, and SQLite in a file: let the engine use one for this scenario, or put "
                "back what its tasks change with harden(..., reset=...)",
            )


def let_go(engine: Any) -> None:
    """Close the connections that wait in the pool of an engine; only one that is not asynchronous can do it here."""
    engine.dispose(close=not engine.dialect.is_async)


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
        stack.callback(let_go, engine)
        event.listen(engine, "do_connect", self._connect)
        stack.callback(event.remove, engine, "do_connect", self._connect)
        super().__init__(name, image_in(path), directory, self._use, ignore)

    def remember(self) -> None:
        """What is in the copy now is what each run begins with."""
        let_go(self._engine)
        self._remember(image_in(self._path))

    def put_back(self) -> None:
        """Write a new file, and let go of connections to the old one."""
        let_go(self._engine)
        super().put_back()

    def _use(self, path: Path) -> None:
        let_go(self._engine)
        self._led_to = str(path)

    def _connect(self, dialect: Any, _record: Any, arguments: list[Any], options: dict[str, Any]) -> Any:
        return dialect.connect(self._led_to, *arguments[1:], **options)


class EnginePostgres(PostgresCopy):
    """The PostgreSQL database of an engine.

    Args:
        engine: The engine; of an asynchronous one the other one inside it.
        unique: What the names of the copies end with.
        stack: Has the engine use its own database again, and drops the copies.
        ignore: Tables, or columns as `orders.attempts`, that runs are not compared by.
    """

    file = "postgresql"

    def __init__(self, engine: Any, unique: str, stack: ExitStack, ignore: frozenset[str]) -> None:
        from sqlalchemy import event

        self._engine = engine
        let_go(engine)
        event.listen(engine, "do_connect", self._lead_to_copy)
        stack.callback(event.remove, engine, "do_connect", self._lead_to_copy)
        source = engine.url.database
        super().__init__(source, source, name_of_copy(source, unique), _connect_like(engine), self._lead_to, ignore)
        self._lead_to(Path(self._template))
        stack.callback(self.remove)
        stack.callback(let_go, engine)

    def remember(self) -> None:
        """What is in the copy now is what each run begins with."""
        let_go(self._engine)
        super().remember()

    def move(self, directory: Path) -> None:
        """Use a copy of one's own from here on; the connections in the pool are those of the process of before."""
        self._engine.dispose(close=False)
        super().move(directory)

    def put_back(self) -> None:
        """Let go of connections in which something may still be held, and fill anew what was written to."""
        let_go(self._engine)
        super().put_back()

    def _lead_to(self, name: Path) -> None:
        self._led_to = str(name)

    def _lead_to_copy(self, _dialect: Any, _record: Any, _arguments: list[Any], options: dict[str, Any]) -> None:
        options["database" if "database" in options else "dbname"] = self._led_to


def _connect_like(engine: Any) -> Connect:
    """Connects to other databases of the server of an engine."""
    try:
        import psycopg
    except ImportError:
        raise SetupError(
            f"the database of {engine!r} is copied with psycopg, which is not installed",
            hint="install it beside the driver of the engine: pip install 'psycopg[binary]'",
        ) from None
    url = engine.url
    if engine.dialect.driver.startswith("psycopg"):
        options = dict(engine.dialect.create_connect_args(url)[1])
        options.pop("context", None)  # SQLAlchemy's own types
    else:
        options = {"host": url.host, "port": url.port, "user": url.username, "password": url.password}

    def connect(name: str) -> Any:
        return psycopg.connect(**{**options, "dbname": name}, autocommit=True)

    return connect
