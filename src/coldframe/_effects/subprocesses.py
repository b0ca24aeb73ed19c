"""Programs that a task starts: each is an effect, from `os.system` to `asyncio.create_subprocess_exec`.

A call that waits for the program's end (`subprocess.run`, `os.system`) is an effect until then; `Popen` and asyncio's
functions are one until the program has started.
"""

from __future__ import annotations

import errno
import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from functools import wraps
from typing import TYPE_CHECKING, Any

from coldframe._effects.families import put
from coldframe._effects.file_names import told, told_within
from coldframe._effects.gate import Failures, Gate

if TYPE_CHECKING:
    from coldframe._bench.opening import OpenBench

#: What a shell leaves with if it does not find a command.
NOT_FOUND = 127
WAITING = ("run", "call", "check_call", "check_output")

Start = Callable[..., Any]


def join_in(stack: ExitStack, opened: OpenBench) -> None:
    """Watch the ways to start a program until the stack closes."""
    watch = ProgramWatch(opened.gate)
    for name in WAITING:
        original = getattr(subprocess, name)
        replacement = watch.waiting(original)
        put(stack, subprocess, name, replacement)
        opened.captured.append((original, replacement))
    put(stack, subprocess.Popen, "__init__", watch.popen(subprocess.Popen.__init__))
    put(stack, os, "system", watch.system)


class ProgramWatch:
    """Lets programs pass the gate.

    Args:
        gate: The bench's.
    """

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._system = os.system

    def waiting(self, original: Start) -> Start:
        """A function that starts a program and waits for its end."""

        @wraps(original)
        def call(*args: Any, **kwargs: Any) -> Any:
            command = kwargs.get("args") if "args" in kwargs else args[0] if args else None
            if command is None or not self._gate.watches():
                return original(*args, **kwargs)
            with self._passing(command, kwargs) as touch:
                if touch.answer is None:
                    return original(*args, **kwargs)
                return self._ending(original, touch.answer, command, args[1:], kwargs)

        return call

    def popen(self, original: Start) -> Start:
        """The constructor of `Popen`."""

        @wraps(original)
        def init(process: Any, args: Any, *rest: Any, **kwargs: Any) -> None:
            if not self._gate.watches():
                original(process, args, *rest, **kwargs)
                return
            with self._passing(args, kwargs) as touch:
                if touch.answer is None:
                    original(process, args, *rest, **kwargs)
                    return
                original(process, leaving_with(touch.answer), *rest, **_plain(kwargs))
                process.args = args

        return init

    def system(self, command: Any) -> int:
        """Do as `os.system` does."""
        if not self._gate.watches():
            return self._system(command)
        with self._passing(command, {"shell": True}) as touch:
            return self._system(command) if touch.answer is None else int(touch.answer) << 8

    def _passing(self, command: Any, options: dict[str, Any]) -> Any:
        line = command_line(command)
        details: dict[str, Any] = {"command": line}
        if options.get("cwd") is not None:
            details["cwd"] = told(options["cwd"])
        if options.get("input") is not None:
            details["input"] = _as_text(options["input"])
        failures = _failures(command, in_shell=bool(options.get("shell")))
        return self._gate.passing("subprocess.run", line, details=details, failures=failures)

    @staticmethod
    def _ending(original: Start, status: int, command: Any, rest: Any, kwargs: dict[str, Any]) -> Any:
        """Run something that leaves with a status instead; what tells of it tells of the command."""
        options = _plain(kwargs)
        options.pop("args", None)
        try:
            done = original(leaving_with(status), *rest, **options)
        except subprocess.CalledProcessError as error:
            error.cmd = command
            raise
        if isinstance(done, subprocess.CompletedProcess):
            done.args = command
        return done


def leaving_with(status: int) -> list[str]:
    """A program that does nothing and leaves with a status."""
    if sys.platform == "win32":
        return ["cmd", "/c", f"exit {status}"]
    return ["/bin/sh", "-c", f"exit {status}"]


def command_line(command: Any) -> str:
    """A command as it is typed; temporary directories are left out, which differ from run to run."""
    if isinstance(command, (str, bytes, os.PathLike)):
        return told_within(_as_text(os.fspath(command)))
    return shlex.join(told_within(_as_text(os.fspath(word))) for word in command)


def _plain(options: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if name not in {"shell", "executable"}}


def _as_text(value: Any) -> str:
    return os.fsdecode(value) if isinstance(value, bytes) else str(value)


def _failures(command: Any, *, in_shell: bool) -> Failures:
    if in_shell:
        return {"not found": lambda: NOT_FOUND, "exit status": lambda: 1}
    program = command if isinstance(command, (str, bytes, os.PathLike)) else next(iter(command), "")
    return {
        "not found": lambda: FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), program),
        "exit status": lambda: 1,
    }
