"""How a file is called in a trace: by what stays the same from run to run and from machine to machine."""

from __future__ import annotations

import os
import re
import tempfile
from contextlib import ExitStack
from functools import lru_cache
from pathlib import Path
from typing import Any

from coldframe._effects.families import put

TEMPORARY = os.path.realpath(tempfile.gettempdir())
#: A directory in memory, where Linux has one.
IN_MEMORY = "/dev/shm"  # noqa: S108 - only a name

#: A directory that was made for one run: pytest's, which has three levels (four in a process of pytest-xdist), one of
#: harden's processes, or any other.
MADE_FOR_THE_RUN = re.compile(
    f"(?:{re.escape(TEMPORARY)}|{re.escape(tempfile.gettempdir())}|{IN_MEMORY})"
    r"/(?:pytest-of-[^/\s]+/pytest-[^/\s]+/(?:popen-gw\d+/)?[^/\s]+|coldframe-[^/\s]+/worker-[^/\s]+|[^/\s]+)/"
)


def told(path: Any) -> str:
    """A path from the working directory, or without the temporary directory that it is in; else in full."""
    return _told(os.fsdecode(path), os.getcwd())


def full(path: Any) -> str:
    """The one name of a file in this run."""
    return _full(os.fsdecode(path), os.getcwd())


def told_within(text: str) -> str:
    """A text, such as a command line, without the temporary directories in it."""
    return MADE_FOR_THE_RUN.sub("", text)


def _full(path: str, directory: str) -> str:
    parent, name = os.path.split(os.path.normpath(os.path.join(directory, path)))
    return os.path.join(os.path.realpath(parent), name)


class RandomNames:
    """The names that `tempfile` gives: they stay random, and are told without what is random in them.

    Args:
        names: Its own generator.
    """

    def __init__(self, names: Any) -> None:
        self._names = names

    def __next__(self) -> str:
        name = str(next(self._names))
        _given.add(name)
        return name

    def __getattr__(self, name: str) -> Any:
        return getattr(self._names, name)


#: The random names that `tempfile` has given to tasks.
_given: set[str] = set()


def watch_random_names(stack: ExitStack) -> None:
    """Know the names that `tempfile` gives until the stack closes."""
    own: Any = tempfile
    candidates = own._get_candidate_names  # noqa: SLF001 - where all of its functions take names from
    put(stack, own, "_get_candidate_names", lambda: RandomNames(candidates()))
    stack.callback(_given.clear)


def _without_random(name: str) -> str:
    for given in _given:
        name = name.replace(given, "…")
    return name


@lru_cache(maxsize=1024)
def _told(path: str, directory: str) -> str:
    absolute = _without_random(_full(path, directory))
    for base in (os.path.realpath(directory), TEMPORARY, IN_MEMORY):
        if absolute.startswith(f"{base}{os.sep}"):
            parts = Path(absolute).relative_to(base).parts
            return "/".join(parts if base not in {TEMPORARY, IN_MEMORY} else parts[_made_for_the_run(parts) :])
    return Path(absolute).as_posix()


def _made_for_the_run(parts: tuple[str, ...]) -> int:
    """How many of the directories below the temporary one were made for the run."""
    levels = 1
    if parts[0].startswith("pytest-of-"):
        levels = 4 if parts[2:] and parts[2].startswith("popen-gw") else 3
    elif parts[0].startswith("coldframe-") and parts[1:] and parts[1].startswith("worker-"):
        levels = 2
    return min(levels, len(parts) - 1)
