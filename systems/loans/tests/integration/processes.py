"""Processes of this system, as an operator would start them, and what they say."""

from __future__ import annotations

import os
import queue
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

SYSTEM = Path(__file__).parents[2]
PYTHON = Path(sys.executable)
#: A server that passes an error on through its middleware writes long tracebacks.
LINES_OF_AN_ERROR = 120


class Process:
    """A running process, and the lines that it has written so far."""

    def __init__(self, name: str, popen: subprocess.Popen[str]) -> None:
        self.name = name
        self.lines: list[str] = []
        self._popen = popen
        self._new: queue.Queue[str | None] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._popen.stdout is not None
        with self._popen.stdout as output:
            for line in output:
                self._new.put(line.rstrip())
        self._new.put(None)

    def wait_for(self, pattern: str, seconds: float = 120) -> re.Match[str]:
        """The first new line that has this in it."""
        try:
            while (line := self._new.get(timeout=seconds)) is not None:
                self.lines.append(line)
                if found := re.search(pattern, line):
                    return found
        except queue.Empty:
            pass
        said = "\n".join(self.lines[-40:])
        reason = f"{self.name} did not say {pattern!r} within {seconds} s, or ended. It said:\n{said}"
        pytest.fail(reason, pytrace=False)

    def end(self, number: int) -> int:
        """Ask it to end with a signal, and wait until it has; its exit status."""
        self._popen.send_signal(number)
        return self.ended()

    def ended(self, seconds: float = 180) -> int:
        """Wait until it has ended; its exit status."""
        try:
            status = self._popen.wait(seconds)
        except subprocess.TimeoutExpired:
            pytest.fail(f"{self.name} did not end within {seconds} s", pytrace=False)
        self._reader.join()
        while (line := self._new.get()) is not None:
            self.lines.append(line)
        return status

    def complaints(self) -> list[str]:
        """Each error in what it wrote, with what followed."""
        at = [number for number, line in enumerate(self.lines) if "ERROR" in line]
        return ["\n".join(self.lines[number : number + LINES_OF_AN_ERROR]) for number in at]

    def kill(self) -> None:
        """Whatever happened: it is gone afterwards."""
        if self._popen.poll() is None:
            os.killpg(self._popen.pid, signal.SIGKILL)
        self._popen.wait()
        self._reader.join()


def environment(data: Path, **values: str) -> dict[str, str]:
    """What a process may know: where its data are, and these values."""
    kept = {name: os.environ[name] for name in ("HOME", "TMPDIR", "LANG") if name in os.environ}
    path = f"{PYTHON.parent}{os.pathsep}{os.environ['PATH']}"
    return {**kept, "PATH": path, "PYTHONUNBUFFERED": "1", "DATA_DIR": str(data), **values}


@contextmanager
def running(name: str, command: list[str], known: dict[str, str]) -> Iterator[Process]:
    """A process that is gone when the block ends."""
    popen = subprocess.Popen(
        command,
        cwd=SYSTEM,
        env=known,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    process = Process(name, popen)
    try:
        yield process
    finally:
        process.kill()


def run(known: dict[str, str], *arguments: str) -> str:
    """Run Python to its end; what it printed."""
    done = subprocess.run(
        [PYTHON, *arguments], cwd=SYSTEM, env=known, check=False, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def procfile() -> dict[str, list[str]]:
    """The commands of the Procfile, for a shell that becomes the process."""
    lines = (SYSTEM / "Procfile").read_text("utf-8").splitlines()
    return {name: ["sh", "-c", f"exec {command}"] for name, command in (line.split(": ", 1) for line in lines)}
