"""The world outside a run: it is remembered once, put back before each run, and read after it."""

from __future__ import annotations

import os
import re
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Protocol, Self

from coldframe._harden.redis import Redis
from coldframe.errors import SetupError

#: The rows of each table, without what may differ between two correct runs.
Rows = dict[str, Counter[tuple[Any, ...]]]

#: What the columns of those rows are called, by table.
Columns = dict[str, tuple[str, ...]]

#: A directory in memory, where there is one: there a file costs nothing.
IN_MEMORY = Path("/dev/shm")  # noqa: S108 - files go to a directory of their own there

#: What a file is called that is not yet what it shall be.
TEMPORARY = re.compile(r"^tmp[a-z0-9_]{8}|^\.?~|^\.tmp|~$|\.(?:tmp|temp|part|partial|swp)$", re.IGNORECASE)


class Part(Protocol):
    """One thing that runs change: a database, a directory."""

    @property
    def file(self) -> str:
        """What the file of the database is called that runs use; empty if it is none."""

    def move(self, directory: Path) -> None:
        """Use a copy in another directory from here on."""

    def put_back(self) -> None:
        """Make it again what it was at the beginning."""

    def rows(self) -> Rows:
        """What is in it now."""

    def columns(self) -> Columns:
        """What the values of its rows are called."""


class State:
    """All that is put back between two runs.

    Args:
        prepare: Finds the parts: called with a directory for files and a stack that undoes what was set up.
        reset: The user's own hook, called last.
        redis: What is in memory, and no part: each bench is filled with it after it was opened.
    """

    def __init__(
        self,
        prepare: Callable[[Path, ExitStack], Iterable[Part]],
        reset: Callable[[], object] | None = None,
        redis: Redis | None = None,
    ) -> None:
        self._prepare = prepare
        self._reset = reset
        self.redis = redis or Redis()
        self._stack = ExitStack()
        self._parts: list[Part] = []

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self.directory = Path(tempfile.mkdtemp(prefix=f"coldframe-{os.getpid()}-", dir=_place()))
            stack.callback(shutil.rmtree, self.directory, ignore_errors=True)
            self._parts = list(self._prepare(self.directory, stack))
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._stack.close()

    def move(self, name: str) -> None:
        """Use files of one's own from here on: another process goes on with those of before."""
        own = self.directory / name
        own.mkdir()
        for part in self._parts:
            part.move(own)

    def put_back(self) -> None:
        """Make everything again what it was at the beginning."""
        for part in self._parts:
            part.put_back()
        if self._reset is not None:
            self._reset()

    def rows(self) -> Rows:
        """The rows of all databases; those of tables with the same name are taken together."""
        found: Rows = {}
        for part in self._parts:
            for table, rows in part.rows().items():
                found[table] = found[table] + rows if table in found else rows
        return found

    def files(self) -> frozenset[str]:
        """What the files of the databases are called that runs use."""
        return frozenset(part.file for part in self._parts)

    def columns(self) -> Columns:
        """What the columns of all tables are called."""
        return {table: names for part in self._parts for table, names in part.columns().items()}


def _place() -> str | None:
    usable = sys.platform != "win32" and IN_MEMORY.is_dir() and os.access(IN_MEMORY, os.W_OK)
    return str(IN_MEMORY) if usable else None


class Directory:
    """A directory that the project names itself: what runs change in it is put back where it is.

    Args:
        path: The directory.
        directory: Where a copy of it is kept.
        stack: Puts the files back for good.

    Raises:
        SetupError: It is none, or so large a part of the machine that others write there, too.
    """

    file = ""

    def __init__(self, path: Path, directory: Path, stack: ExitStack) -> None:
        if not path.is_dir():
            raise SetupError(f"files={str(path)!r} is no directory", hint="name the directory that tasks write to")
        for others in (Path.cwd(), Path.home()):
            if others.is_relative_to(path):
                raise SetupError(
                    f"files={str(path)!r} is not only the tasks' directory: {others} is in it",
                    hint="what is written there during a run is removed after it: name a directory that only tasks use",
                )
        self._path = path
        self._directory = directory / "kept"
        self.remember()
        stack.callback(self._make_again, self._kept)

    def remember(self) -> None:
        """What is in it now is what each run begins with."""
        self._directory.mkdir(parents=True, exist_ok=True)
        self._kept = Path(tempfile.mkdtemp(dir=self._directory)) / self._path.name
        shutil.copytree(self._path, self._kept, symlinks=True)

    def move(self, directory: Path) -> None:
        """Two processes cannot use it at the same time; who calls harden is told so before."""

    def put_back(self) -> None:
        """Remove what is new, and write what is missing or differs."""
        self._make_again(self._kept)

    def _make_again(self, remembered: Path) -> None:
        kept = {found.relative_to(remembered) for found in remembered.rglob("*")}
        for found in sorted(self._path.rglob("*"), reverse=True):
            if found.relative_to(self._path) not in kept:
                _remove(found)
        for name in sorted(kept):
            _restore(remembered / name, self._path / name)

    def rows(self) -> Rows:
        """The files and what is in them, as rows of a table."""
        return rows_of(self._path)

    def columns(self) -> Columns:
        """As of any directory."""
        return columns_of(self._path)


def _remove(path: Path) -> None:
    shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()


def _restore(kept: Path, path: Path) -> None:
    if _looks(path) == _looks(kept):
        return
    if path.is_symlink() or path.exists():
        _remove(path)
    if kept.is_dir() and not kept.is_symlink():
        path.mkdir(kept.stat().st_mode & 0o7777)
    else:
        shutil.copy2(kept, path, follow_symlinks=False)


def _looks(path: Path) -> tuple[object, ...]:
    """What is at a place: a link, a directory, a file, or nothing."""
    if path.is_symlink():
        return "link", path.readlink()
    if path.is_dir():
        return ("directory",)
    return ("file", path.stat().st_mode, path.read_bytes()) if path.is_file() else ()


class Folder:
    """A directory of files, of which runs use a copy.

    Args:
        source: The directory.
        directory: Where the copy goes.
        lead: Has the project use this path.
    """

    file = ""

    def __init__(self, source: Path, directory: Path, lead: Callable[[Path], object]) -> None:
        self._source = source
        self._lead = lead
        self.move(directory)

    def move(self, directory: Path) -> None:
        """Use a copy in another directory from here on."""
        self.path = directory / self._source.name
        self._lead(self.path)

    def put_back(self) -> None:
        """Remove what is there, and copy what was there."""
        shutil.rmtree(self.path, ignore_errors=True)
        if self._source.is_dir():
            shutil.copytree(self._source, self.path)
        else:
            self.path.mkdir(parents=True)

    def rows(self) -> Rows:
        """The files and what is in them, as rows of a table."""
        return rows_of(self.path)

    def columns(self) -> Columns:
        """As of any directory."""
        return columns_of(self.path)


def rows_of(directory: Path) -> Rows:
    """The files in a directory as rows of a table; a killed run leaves its temporary ones, as in life."""
    files = sorted(path for path in directory.rglob("*") if path.is_file() and not TEMPORARY.search(path.name))
    found = Counter((path.relative_to(directory).as_posix(), path.read_bytes()) for path in files)
    return {f"files in {directory.name}": found} if found else {}


def columns_of(directory: Path) -> Columns:
    """What is told of a file."""
    return {f"files in {directory.name}": ("file", "content")}
