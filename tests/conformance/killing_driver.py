"""Starts `killing.driver`: a process that has a real worker, and compares its deaths with those on the bench."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Self

import coldframe

HERE = Path(__file__).parent
HARDEN = HERE.parent / "harden"


class Driver:
    """The process, until the block ends.

    Args:
        names: The specimens that it will be asked about.
        broker_url: The broker of the worker.
        directory: An empty one, for its databases and its log.
    """

    def __init__(self, names: Iterable[str], broker_url: str, directory: Path) -> None:
        self._names = list(names)
        self._own = {
            "DJANGO_SETTINGS_MODULE": "killing.settings",
            "PYTHONPATH": os.pathsep.join(map(str, (HERE, HARDEN, Path(coldframe.__file__).parents[1]))),
            "KILLING_DIRECTORY": str(directory),
            "KILLING_BROKER_URL": broker_url,
        }

    def __enter__(self) -> Self:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("DJANGO", "PYTEST"))}
        self._process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", "killing.driver", *self._names],
            cwd=HARDEN,
            env=inherited | self._own,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._process.communicate()

    def compare(self, side: str, name: str) -> list[dict[str, Any]]:
        """What comes of a death before each line of the first task, of the `flaw` of a specimen or its `repair`."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{side} {name}\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, f"{name} ended the driver: see its output"
        found: list[dict[str, Any]] = json.loads(line)
        return [{"side": side, "name": name, **one} for one in found]
