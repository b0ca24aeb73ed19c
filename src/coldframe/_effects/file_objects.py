"""What `open` gives for writing, with a close that somebody is told of before it happens."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

#: Told of a file that is about to be closed, and given what closes it.
OnClose = Callable[[Any, Callable[[], None]], None]

KNOWN = frozenset("rwaxbt+")


class _Closing:
    on_close: OnClose | None = None

    def close(self) -> None:
        """Flush and close, in the way that `on_close` allows."""
        finish: Callable[[], None] = super().close  # type: ignore[misc]
        on_close = self.on_close
        if on_close is None or self.closed:  # type: ignore[attr-defined]
            finish()
        else:
            on_close(self, finish)


class WatchedText(_Closing, io.TextIOWrapper):
    """A text file."""


class WatchedWriter(_Closing, io.BufferedWriter):
    """A binary file that is only written."""


class WatchedRandom(_Closing, io.BufferedRandom):
    """A binary file that is read and written."""


class WatchedRaw(_Closing, io.FileIO):
    """A file without a buffer."""


def is_plain(mode: str, buffering: int, text_options: tuple[Any, ...]) -> bool:
    """Whether `open` takes such arguments without a word; else it shall have its say itself."""
    known = set(mode) <= KNOWN and len(set(mode)) == len(mode) and len(set(mode) & set("rwax")) == 1
    if not known or {"b", "t"} <= set(mode):
        return False
    if "b" in mode:
        return buffering != 1 and all(option is None for option in text_options)
    return buffering != 0


def open_watched(
    file: Any,
    mode: str,
    buffering: int = -1,
    encoding: str | None = None,
    errors: str | None = None,
    newline: str | None = None,
    closefd: bool = True,  # noqa: FBT001, FBT002 - as `open` has it
    opener: Callable[[str, int], int] | None = None,
) -> Any:
    """Do as `open` does for writing; the file's classes are those above."""
    binary = "b" in mode
    raw_mode = mode.replace("b", "").replace("t", "")
    raw_class = WatchedRaw if buffering == 0 else io.FileIO
    raw = raw_class(file, raw_mode, closefd, opener)
    if buffering == 0:
        return raw
    try:
        by_line = buffering == 1 or (buffering < 0 and raw.isatty())
        size = buffering if buffering > 1 else io.DEFAULT_BUFFER_SIZE
        if binary:
            return (WatchedRandom if "+" in mode else WatchedWriter)(raw, size)
        buffer = (io.BufferedRandom if "+" in mode else io.BufferedWriter)(raw, size)
        text = WatchedText(buffer, encoding, errors, newline, by_line)
        text.mode = mode  # type: ignore[misc]
        return text
    except BaseException:
        raw.close()
        raise
