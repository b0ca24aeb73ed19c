"""Which line of the user's own code is running."""

from __future__ import annotations

import os
import sys
import sysconfig
from functools import cache
from pathlib import Path
from types import FrameType

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


def users_line() -> str:
    """The innermost line of the user's code on the stack, as `billing/services.py:88`; empty if there is none."""
    frame = users_frame()
    return f"{users_file(frame.f_code.co_filename)}:{frame.f_lineno}" if frame is not None else ""


def users_frame() -> FrameType | None:
    """The innermost frame of the user's code on the stack, if there is one."""
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001 - the way to a frame that costs nothing
    running: greenlet | None = getcurrent()
    while running is not None:
        while frame is not None:
            if users_file(frame.f_code.co_filename):
                return frame
            frame = frame.f_back
        # Below asyncio SQLAlchemy runs in a greenlet of its own: who awaits it stands in the one that started it.
        running = running.parent if type(running).__name__ == OF_SQLALCHEMY else None
        frame = running.gr_frame if running is not None else None
    return None


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
