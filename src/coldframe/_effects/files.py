"""Files that a task writes, renames and deletes: effects, where the project's own code does it.

Writing has two: `file.open` when a file is created or emptied, and `file.write` when it is closed and all of its
content is there. A process that is killed in between leaves what it had flushed until then, as in life.
"""

from __future__ import annotations

import io
import os
import shutil
import sys
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial, wraps
from types import FrameType
from typing import TYPE_CHECKING, Any

from coldframe._core.events import Finished
from coldframe._effects import file_failures
from coldframe._effects.families import put
from coldframe._effects.file_names import IN_MEMORY, full, told, watch_random_names
from coldframe._effects.file_objects import is_plain, open_watched
from coldframe._effects.gate import Failures
from coldframe._effects.open_files import OpenFiles
from coldframe._effects.users_code import users_file

if TYPE_CHECKING:
    from coldframe._bench.opening import OpenBench

#: Parts of the standard library that do with files what they were told to by whoever called them.
CARRIERS = frozenset({"bz2", "codecs", "gzip", "lzma", "os", "pathlib", "shutil", "tarfile", "zipfile"})

WRITING_FLAGS = os.O_WRONLY | os.O_RDWR | os.O_CREAT

BUILT_INS = ("open", "remove", "unlink", "rmdir", "mkdir", "rename", "replace", "link", "symlink", "truncate")


def join_in(stack: ExitStack, opened: OpenBench) -> None:
    """Watch the ways to change files until the stack closes."""
    open_files = OpenFiles(opened.gate)
    watch = FileWatch(opened, open_files)
    stack.callback(open_files.lose_all)
    opened.scheduler.before_kill.append(open_files.lose_those_of)
    opened.recording.listen(Finished, open_files.note_finished)
    watch_random_names(stack)
    import builtins

    put(stack, builtins, "open", watch.open)
    put(stack, io, "open", watch.open)
    for name in BUILT_INS:
        opened.captured.append((getattr(os, name), getattr(watch, f"os_{name}")))
    for owner, name in ((os, "makedirs"), (shutil, "rmtree"), (shutil, "move")):
        original = getattr(owner, name)
        opened.captured.append((original, watch.function(original, getattr(watch, f"_{name}"))))


def is_users_call() -> bool:
    """Whether the project's own code called the function that asks, by itself or by way of a carrier."""
    frame: FrameType | None = sys._getframe(2)  # noqa: SLF001 - the way to a frame that costs nothing
    while frame is not None:
        if users_file(frame.f_code.co_filename):
            return True
        names = frame.f_globals
        if names is not globals() and str(names.get("__name__", "")).partition(".")[0] not in CARRIERS:
            return False
        frame = frame.f_back
    return False


class FileWatch:
    """What takes the place of the functions that change files; each does as the one whose name it bears.

    Args:
        opened: The bench.
        files: The files that are open for writing.
    """

    def __init__(self, opened: OpenBench, files: OpenFiles) -> None:
        self._gate = opened.gate
        self._files = files
        self._open = io.open
        self._real = {name: getattr(os, name) for name in BUILT_INS}

    def _watches(self) -> bool:
        return self._gate.watches() and is_users_call()

    # --- opening ----------------------------------------------------------------------------------------

    def open(self, file: Any, mode: str = "r", *args: Any, **kwargs: Any) -> Any:
        """Do as `open` does."""
        if not self._watches():
            return self._open(file, mode, *args, **kwargs)
        path = self._files.path_of(file) if isinstance(file, int) else file
        if path is None or _is_special(path) or not _is_plain(mode, args, kwargs):
            return self._open(file, mode, *args, **kwargs)
        if not set(mode) & set("wax+"):
            self._gate.reading(f"file {full(path)}")
            return self._open(file, mode, *args, **kwargs)
        change = "" if isinstance(file, int) else _change(path, empties="w" in mode, creates="r" not in mode)
        opened = self._opening(path, change, partial(open_watched, file, mode, *args, **kwargs))
        return self._files.watch(opened, path, appends="a" in mode)

    def os_open(self, path: Any, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
        """Do as `os.open` does."""
        do: Callable[[], int] = partial(self._real["open"], path, flags, mode, dir_fd=dir_fd)
        if not flags & WRITING_FLAGS or dir_fd is not None or not self._watches() or _is_special(path):
            return do()
        change = _change(path, empties=bool(flags & os.O_TRUNC), creates=bool(flags & os.O_CREAT))
        if flags & os.O_EXCL and not change:
            self._gate.reading(f"file {full(path)}")
        descriptor = int(self._opening(path, change, do))
        self._files.note_descriptor(descriptor, path)
        return descriptor

    def _opening(self, path: Any, change: str, do: Callable[[], Any]) -> Any:
        if not change:
            return do()
        name = told(path)
        return self._pass("file.open", name, path, {"path": name, "change": change}, file_failures.writing(path), do)

    # --- renaming, deleting, making ---------------------------------------------------------------------

    def os_remove(self, path: Any, *, dir_fd: int | None = None) -> None:
        """Do as `os.remove` does."""
        self._delete(path, partial(self._real["remove"], path, dir_fd=dir_fd), dir_fd)

    def os_unlink(self, path: Any, *, dir_fd: int | None = None) -> None:
        """Do as `os.unlink` does."""
        self._delete(path, partial(self._real["unlink"], path, dir_fd=dir_fd), dir_fd)

    def os_rmdir(self, path: Any, *, dir_fd: int | None = None) -> None:
        """Do as `os.rmdir` does."""
        self._delete(path, partial(self._real["rmdir"], path, dir_fd=dir_fd), dir_fd)

    def os_mkdir(self, path: Any, mode: int = 0o777, *, dir_fd: int | None = None) -> None:
        """Do as `os.mkdir` does."""
        do = partial(self._real["mkdir"], path, mode, dir_fd=dir_fd)
        if dir_fd is not None or not self._watches():
            do()
        else:
            self._make_directory(path, do, can=os.path.isdir(os.path.dirname(full(path))))

    def os_rename(self, src: Any, dst: Any, *, src_dir_fd: int | None = None, dst_dir_fd: int | None = None) -> None:
        """Do as `os.rename` does."""
        do = partial(self._real["rename"], src, dst, src_dir_fd=src_dir_fd, dst_dir_fd=dst_dir_fd)
        self._rename(src, dst, do, src_dir_fd, dst_dir_fd)

    def os_replace(self, src: Any, dst: Any, *, src_dir_fd: int | None = None, dst_dir_fd: int | None = None) -> None:
        """Do as `os.replace` does."""
        do = partial(self._real["replace"], src, dst, src_dir_fd=src_dir_fd, dst_dir_fd=dst_dir_fd)
        self._rename(src, dst, do, src_dir_fd, dst_dir_fd)

    def os_link(self, src: Any, dst: Any, **options: Any) -> None:
        """Do as `os.link` does."""
        self._point(src, dst, partial(self._real["link"], src, dst, **options))

    def os_symlink(self, src: Any, dst: Any, *args: Any, **options: Any) -> None:
        """Do as `os.symlink` does."""
        self._point(src, dst, partial(self._real["symlink"], src, dst, *args, **options))

    def os_truncate(self, path: Any, length: int) -> None:
        """Do as `os.truncate` does."""
        do = partial(self._real["truncate"], path, length)
        if isinstance(path, int) or not self._watches():
            do()
            return
        name = told(path)
        details = {"path": name, "size": length}
        self._pass("file.write", f"truncate {name}", path, details, file_failures.writing(path), do)

    def function(self, original: Callable[..., Any], watched: Callable[..., Any]) -> Callable[..., Any]:
        """A function of the standard library that is one effect, whatever it does inside."""

        @wraps(original)
        def call(*args: Any, **kwargs: Any) -> Any:
            if not self._watches():
                return original(*args, **kwargs)
            return watched(partial(original, *args, **kwargs), *args, **kwargs)

        for name in ("avoids_symlink_attacks",):
            if hasattr(original, name):
                setattr(call, name, getattr(original, name))
        return call

    def _makedirs(self, do: Callable[[], Any], name: Any, *args: Any, **kwargs: Any) -> None:
        self._make_directory(name, do, can=True)

    def _rmtree(self, do: Callable[[], Any], path: Any, *args: Any, **kwargs: Any) -> None:
        if os.path.lexists(path):
            self._change("file.delete", path, {"tree": True}, file_failures.changing(path), do)
        else:
            do()

    def _move(self, do: Callable[[], Any], src: Any, dst: Any, *args: Any, **kwargs: Any) -> Any:
        target = os.path.join(dst, os.path.basename(os.fspath(src).rstrip("/"))) if os.path.isdir(dst) else dst
        return self._renaming(src, target, do)

    def _delete(self, path: Any, do: Callable[[], Any], dir_fd: int | None) -> None:
        if dir_fd is not None or not self._watches():
            do()
        elif os.path.lexists(path):
            self._change("file.delete", path, {}, file_failures.changing(path), do)
        else:
            self._gate.reading(f"file {full(path)}")
            do()

    def _make_directory(self, path: Any, do: Callable[[], Any], *, can: bool) -> None:
        if can and not os.path.lexists(path):
            self._change("file.mkdir", path, {}, file_failures.writing(path), do)
        else:
            do()

    def _rename(self, src: Any, dst: Any, do: Callable[[], Any], *directories: int | None) -> None:
        if any(given is not None for given in directories) or not self._watches():
            do()
        else:
            self._renaming(src, dst, do)

    def _renaming(self, src: Any, dst: Any, do: Callable[[], Any]) -> Any:
        if not os.path.lexists(src):
            self._gate.reading(f"file {full(src)}")
            return do()
        names = {"from": told(src), "to": told(dst)}
        what = f"{names['from']} to {names['to']}"
        return self._pass("file.rename", what, dst, names, file_failures.writing(dst), do)

    def _point(self, src: Any, dst: Any, do: Callable[[], Any]) -> None:
        if not self._watches() or os.path.lexists(dst):
            do()
            return
        name = told(dst)
        details = {"path": name, "points to": told(src)}
        self._pass("file.write", name, dst, details, file_failures.writing(dst), do)

    def _change(self, effect: str, path: Any, more: dict[str, Any], failures: Failures, do: Callable[[], Any]) -> None:
        name = told(path)
        self._pass(effect, name, path, {"path": name, **more}, failures, do)

    def _pass(
        self, effect: str, what: str, path: Any, details: dict[str, Any], failures: Failures, do: Callable[[], Any]
    ) -> Any:
        with self._gate.passing(effect, what, details=details, failures=failures, resource=f"file {full(path)}"):
            return do()


def _change(path: Any, *, empties: bool, creates: bool) -> str:
    """What opening a file does to it; empty if nothing."""
    if os.path.lexists(path):
        return "emptied" if empties else ""
    return "created" if creates else ""


def _is_plain(mode: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    if not isinstance(mode, str):
        return False
    given = {**dict(zip(("buffering", "encoding", "errors", "newline"), args, strict=False)), **kwargs}
    return is_plain(mode, given.get("buffering", -1), tuple(map(given.get, ("encoding", "errors", "newline"))))


def _is_special(path: Any) -> bool:
    name = os.fsdecode(path)
    return name.startswith(("/dev/", "/proc/")) and not name.startswith(f"{IN_MEMORY}/")
