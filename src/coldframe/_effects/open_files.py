"""Files that tasks have open for writing: closing one is an effect, and those of a killed process are lost to it."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any
from weakref import ref

from coldframe._core.events import Finished
from coldframe._effects import file_failures
from coldframe._effects.file_content import described
from coldframe._effects.file_names import full, told
from coldframe._effects.gate import Gate


class Watched:
    """One open file, its name, and where in it the task began to write."""

    __slots__ = ("appends", "file", "path", "start")

    def __init__(self, file: Any, path: str, *, appends: bool) -> None:
        self.file: Callable[[], Any] = ref(file)
        self.path = path
        self.appends = appends
        self.start = os.path.getsize(path) if appends else 0

    def content(self) -> dict[str, Any]:
        """What stands in the file, or what came to stand at its end."""
        try:
            # This runs inside an effect, so the reading is none of the task's.
            with open(self.path, "rb") as written:
                written.seek(self.start)
                return described(written.read())
        except OSError:  # it was renamed or deleted while it was open
            return {}


class OpenFiles:
    """The files and descriptors that attempts at tasks have open for writing.

    Args:
        gate: The bench's.
    """

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._files: dict[int, list[Watched]] = {}
        #: By attempt: descriptor, name, and what the descriptor was when it was opened.
        self._descriptors: dict[int, list[tuple[int, str, tuple[int, int]]]] = {}

    def watch(self, file: Any, path: Any, *, appends: bool) -> Any:
        """Make closing a file an effect; the file itself stays of the class that `open` made it."""
        watched = Watched(file, full(path), appends=appends)
        self._files.setdefault(self._attempt(), []).append(watched)
        file.on_close = partial(self._close, watched)
        return file

    def note_descriptor(self, descriptor: int, path: Any) -> None:
        """Remember what `os.open` gave."""
        self._descriptors.setdefault(self._attempt(), []).append((descriptor, full(path), _identity(descriptor)))

    def path_of(self, descriptor: int) -> str | None:
        """The name of the file behind a descriptor, if the running attempt opened it."""
        for known, path, identity in self._descriptors.get(self._attempt(), ()):
            if known == descriptor and _identity(descriptor) == identity:
                return path
        return None

    def _attempt(self) -> int:
        attempt = self._gate.world.attempt()
        return attempt.number if attempt is not None else 0

    def _close(self, watched: Watched, file: Any, close: Callable[[], None]) -> None:
        if not self._gate.watches() or not self._forget(watched):
            close()
            return
        name = told(watched.path)
        details: dict[str, Any] = {"path": name, "appended": True} if watched.appends else {"path": name}
        try:
            with self._gate.passing(
                "file.write",
                f"append to {name}" if watched.appends else name,
                details=details,
                failures=file_failures.closing(),
                resource=f"file {watched.path}",
            ):
                close()
                details.update(watched.content())
        except BaseException:
            lose(file)  # what could not be flushed is lost, and the file is closed all the same
            raise

    def _forget(self, watched: Watched) -> bool:
        mine = self._files.get(self._attempt(), [])
        if watched in mine:
            mine.remove(watched)
            return True
        return False

    # --- ends -------------------------------------------------------------------------------------------

    def note_finished(self, event: Finished) -> None:
        """An attempt came to its end: what it left open belongs to whoever holds it."""
        if event.at_process:
            self._files.pop(event.attempt, None)
            self._descriptors.pop(event.attempt, None)

    def lose_those_of(self, process: Any) -> None:
        """A process is killed: the system closes its files, and what it had not flushed is gone."""
        attempt = getattr(process, "attempt", None)
        if attempt is not None:
            self._lose(attempt.number)

    def lose_all(self) -> None:
        """The bench closes: attempts that have not ended never do."""
        for attempt in [*self._files, *self._descriptors]:
            self._lose(attempt)

    def _lose(self, attempt: int) -> None:
        for watched in self._files.pop(attempt, ()):
            file = watched.file()
            if file is not None:
                lose(file)
        for descriptor, _, identity in self._descriptors.pop(attempt, ()):
            with suppress(OSError):
                if _identity(descriptor) == identity:
                    os.close(descriptor)


def lose(file: Any) -> None:
    """Close a file without what is in its buffer, which goes nowhere."""
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        try:
            os.dup2(nowhere, file.fileno(), inheritable=False)
        finally:
            os.close(nowhere)
        file.on_close = None
        file.close()


def _identity(descriptor: int) -> tuple[int, int]:
    try:
        status = os.fstat(descriptor)
    except OSError:
        return (-1, -1)
    return (status.st_dev, status.st_ino)
