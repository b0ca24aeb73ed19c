"""Tracebacks without the frames in which no reader of a test looks for a mistake."""

from __future__ import annotations

import sysconfig
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

#: Whose code stands between a test and the mistake that it is told of.
LIBRARIES = frozenset({"amqp", "billiard", "celery", "coldframe", "kombu", "vine"})

STANDARD = str(Path(sysconfig.get_paths()["stdlib"]))
INSTALLED = ("site-packages", "dist-packages")


def trimmed(tb: TracebackType | None, path: Path) -> TracebackType | None:
    """The traceback from the test's own file on, without the frames of libraries; None when it is not in it.

    What the standard library does on behalf of a library goes with it.
    """
    frames = list(_frames(tb))
    own = [index for index, frame in enumerate(frames) if Path(frame.tb_frame.f_code.co_filename) == path]
    if not own:
        return None
    kept, behind_library = [], False
    for frame in frames[own[0] :]:
        behind_library = _is_library(frame) or (behind_library and _is_standard(frame))
        if not behind_library:
            kept.append(frame)
    result = None
    for frame in reversed(kept):
        result = TracebackType(result, frame.tb_frame, frame.tb_lasti, frame.tb_lineno)
    return result


def passed_libraries(tb: TracebackType | None) -> bool:
    """Whether an error was raised by a library, or by the standard library on its behalf."""
    frames = [frame for frame in _frames(tb) if not _is_standard(frame)]
    return bool(frames) and _is_library(frames[-1])


def _frames(tb: TracebackType | None) -> Iterator[TracebackType]:
    while tb is not None:
        yield tb
        tb = tb.tb_next


def _is_library(frame: TracebackType) -> bool:
    return str(frame.tb_frame.f_globals.get("__name__", "")).partition(".")[0] in LIBRARIES


def _is_standard(frame: TracebackType) -> bool:
    filename = frame.tb_frame.f_code.co_filename
    return filename.startswith((STANDARD, "<frozen")) and not any(part in filename for part in INSTALLED)
