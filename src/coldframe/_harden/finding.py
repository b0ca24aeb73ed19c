"""The scenarios of a project: functions that are marked, in modules below a directory or named one by one."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from types import ModuleType
from typing import Any

from coldframe._harden.names import import_module, own_name
from coldframe._harden.periodic import PREFIX, PeriodicTask
from coldframe._harden.recipe import play_named
from coldframe._harden.scenario import said_of
from coldframe.errors import ScenarioError

#: Where scenarios are looked for when none is named.
DIRECTORY = "tests/scenarios"

#: In a directory only modules with this word are looked into: importing all others could do who knows what.
WORD = re.compile(rb"\bscenario\b")


@dataclass(frozen=True, slots=True)
class Found:
    """A scenario that was found."""

    name: str
    play: Callable[..., object]

    @property
    def said(self) -> dict[str, Any]:
        """What it was marked with."""
        return said_of(self.play) or {}


def find(wanted: Iterable[str]) -> list[Found]:
    """The scenarios that are named: directories, files, `package.module:function`, `package.module`, `beat:entry`.

    Raises:
        ScenarioError: One of them is not there, or has none.
    """
    found: dict[str, Found] = {}
    for name in wanted:
        for one in _find_one(name):
            found.setdefault(one.name, one)
    return list(found.values())


def find_marked() -> list[Found]:
    """The scenarios in the directory where projects keep them."""
    directory = Path(DIRECTORY)
    return list(_in_directory(directory)) if directory.is_dir() else []


def only(found: Iterable[Found], patterns: tuple[str, ...]) -> list[Found]:
    """Those whose names match one of the patterns, or contain it."""
    return [one for one in found if not patterns or any(_matches(one.name, pattern) for pattern in patterns)]


def _matches(name: str, pattern: str) -> bool:
    return fnmatchcase(name, pattern) if set(pattern) & set("*?[") else pattern in name


def _find_one(name: str) -> Iterator[Found]:
    path = Path(name)
    if name.startswith(PREFIX):
        periodic = PeriodicTask(name.removeprefix(PREFIX))
        yield Found(periodic.name, periodic)
    elif path.is_dir():
        yield from _or_none(_in_directory(path), name)
    elif path.suffix == ".py":
        if not path.is_file():
            raise ScenarioError(
                f"there is no file {name!r}", hint="give its path from here, or package.module:function"
            )
        yield from _or_none(_in_file(path), name)
    elif ":" in name:
        play = play_named(name)
        if not callable(play):
            raise ScenarioError(
                f"{name!r} is no function: {play!r}", hint="a scenario is a function that takes the bench"
            )
        yield Found(own_name(play) or name, play)
    else:
        yield from _or_none(_marked(import_module(name, name)), name)


def _or_none(found: Iterable[Found], name: str) -> list[Found]:
    listed = list(found)
    if not listed:
        raise ScenarioError(
            f"there is no scenario in {name!r}", hint="mark a function there with @coldframe.scenario(...)"
        )
    return listed


def _in_directory(directory: Path) -> Iterator[Found]:
    for path in sorted(directory.rglob("*.py")):
        if path.name != "conftest.py" and WORD.search(path.read_bytes()):
            yield from _in_file(path)


def _in_file(path: Path) -> Iterator[Found]:
    """A file is imported by its name from the working directory, so that other processes can do it, too."""
    resolved = path.resolve()
    if not resolved.is_relative_to(Path.cwd()):
        raise ScenarioError(
            f"{path.as_posix()!r} is not below the working directory {Path.cwd().as_posix()!r}",
            hint="run from the directory that holds the project",
        )
    parts = resolved.relative_to(Path.cwd()).with_suffix("").parts
    name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
    module = import_module(name, name)
    held = getattr(module, "__file__", None)
    if held is None or Path(held).resolve() != resolved:
        raise ScenarioError(
            f"{path.as_posix()!r} cannot be imported as {name!r}: that is {held}",
            hint="give the scenario as package.module:function",
        )
    yield from _marked(module)


def _marked(module: ModuleType) -> Iterable[Found]:
    """The scenarios of a module: those that it defines or has made, not those that it imports from where they are."""
    found: dict[str, Found] = {}
    for attribute, value in list(vars(module).items()):
        if said_of(value) is not None:
            name = own_name(value) or f"{module.__name__}:{attribute}"
            if name.partition(":")[0] == module.__name__:
                found.setdefault(name, Found(name, value))
    return found.values()


def file_of(function: Any) -> str | None:
    """The file of a function, if it has one."""
    try:
        return inspect.getsourcefile(inspect.unwrap(function))
    except TypeError:
        return None


def look_here_first() -> None:
    """Modules of the working directory can be imported, as with `python -m`."""
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
