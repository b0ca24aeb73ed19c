"""Which line of the user's own code is running."""

from __future__ import annotations

import os
import sys
import sysconfig
from asyncio import Handle, Task
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import FrameType
from typing import Any
from weakref import WeakKeyDictionary

from greenlet import getcurrent, greenlet

#: Where the code of others lives: the standard library, installed packages, Coldframe itself.
OTHERS = tuple(
    f"{os.path.realpath(path)}{os.sep}"
    for path in {
        *(sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")),
        str(Path(__file__).parents[1]),
    }
)

#: The greenlets in which SQLAlchemy runs blocking code below asyncio.
OF_SQLALCHEMY = "_AsyncIoGreenlet"


#: An event loop calls each step of a task from here: who stands further out has not asked for that step.
STEP = Handle._run.__code__  # noqa: SLF001 - nothing public tells

#: The user's line that started a task of asyncio. No frames: they would keep alive what the task's code let go of.
_started_at: WeakKeyDictionary[Task[Any], str] = WeakKeyDictionary()


def users_line() -> str:
    """The innermost line of the user's code, as `billing/services.py:88`; empty if there is none.

    A library may do its work in a task of asyncio that it starts itself: the line is the one that had it do so.
    """
    for frame in _frames(sys._getframe(1)):  # noqa: SLF001 - the way to a frame that costs nothing
        if file := users_file(frame.f_code.co_filename):
            return f"{file}:{frame.f_lineno}"
        if frame.f_code is STEP and (line := _line_that_started(frame.f_locals["self"])):
            return line
    return ""


def users_frame() -> FrameType | None:
    """The innermost frame of the user's code on the stack, if there is one."""
    frames = _frames(sys._getframe(1))  # noqa: SLF001 - the way to a frame that costs nothing
    return next((frame for frame in frames if users_file(frame.f_code.co_filename)), None)


def note_start(task: Any) -> None:
    """Remember which line of the user's code starts a task of asyncio, while it is on the stack."""
    if isinstance(task, Task):
        _started_at[task] = users_line()


def forget_starts() -> None:
    """Remember no task any more."""
    _started_at.clear()


def _line_that_started(handle: Any) -> str:
    """The line of the task whose step an event loop calls; empty if it calls something else."""
    task = getattr(handle._callback, "__self__", None)  # noqa: SLF001 - asyncio itself finds the task so
    return _started_at.get(task, "") if isinstance(task, Task) else ""


def _frames(innermost: FrameType) -> Iterator[FrameType]:
    """The stack from a frame on, from inside to outside."""
    frame: FrameType | None = innermost
    running: greenlet | None = getcurrent()
    while running is not None:
        while frame is not None:
            yield frame
            frame = frame.f_back
        # Below asyncio SQLAlchemy runs in a greenlet of its own: who awaits it stands in the one that started it.
        running = running.parent if type(running).__name__ == OF_SQLALCHEMY else None
        frame = running.gr_frame if running is not None else None


@cache
def users_file(filename: str) -> str:
    """A file as it is told: from the working directory if it is below it; empty if it is not the user's."""
    if filename.startswith("<"):
        return ""
    path = os.path.realpath(filename)
    if path.startswith(OTHERS) or f"{os.sep}site-packages{os.sep}" in path:
        return ""
    try:
        return Path(path).relative_to(Path.cwd()).as_posix()
    except ValueError:
        return "/".join(Path(path).parts[-2:])
