"""The specimens from outside: they are a Django project, and are hardened in a process of their own."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import coldframe
from coldframe._harden.results import Report, Result

HERE = Path(__file__).parent
FLAWS = HERE / "specimens" / "flaws"
MARK = re.compile(r"  # <- (before and after|before|after)$")

FAMILIES = {
    "kill process": "kills",
    "kill node": "kills",
    "redeliver": "twice",
    "pause": "overlaps",
    "overlap": "overlaps",
    "disconnect": "broker",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of one side of a specimen, and what it says of itself."""

    name: str
    result: Result
    verdict: str
    found_by: tuple[str, ...]
    within: int

    @property
    def first(self) -> int:
        """The number of the first run that broke; 0 if none did."""
        return next((number for number, report in enumerate(self.result.reports, 1) if report.verdict != "held"), 0)


class Gallery:
    """The process that hardens them, one after the other."""

    def __enter__(self) -> Self:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("DJANGO", "PYTEST"))}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "specimens"],
            cwd=HERE,
            env=inherited | {"PYTHONPATH": str(Path(coldframe.__file__).parents[1])},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._process.communicate()

    def harden(self, side: str, name: str, workers: int = 1) -> Answer:
        """Harden the `flaw` of a specimen, or its `repair`."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{side} {name} {workers}\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise AssertionError(f"{name} ended the process, which left with {self._process.wait()}: see its output")
        told = json.loads(line)
        if "error" in told:
            raise AssertionError(f"{name} cannot be hardened: {told['error']}")
        expected = told["specimen"]
        result = Result.from_json(told["result"])
        return Answer(name, result, expected["verdict"], tuple(expected["found_by"]), expected["within"])


def names() -> list[str]:
    """All specimens."""
    return sorted(path.stem for path in FLAWS.glob("*.py") if path.stem != "__init__")


def source(name: str) -> str:
    """The module of a specimen."""
    return FLAWS.joinpath(f"{name}.py").read_text("utf-8")


def marked_lines(name: str) -> tuple[str, str]:
    """The two lines that have to be named, as harden names them; empty where no line is marked."""
    found = {"before": "", "after": ""}
    for number, line in enumerate(source(name).splitlines(), start=1):
        if mark := MARK.search(line):
            for word in mark[1].split(" and "):
                found[word] = f"specimens/flaws/{name}.py:{number}"
    return found["before"], found["after"]


def families(reports: Iterable[Report]) -> tuple[str, ...]:
    """The families of the faults that broke something, in the order in which they are tried."""
    broken = {_family(report) for report in reports if report.verdict != "held"}
    return tuple(name for name in ("kills", "twice", "overlaps", "failures", "broker") if name in broken)


def _family(report: Report) -> str:
    is_publish = report.place.startswith("`publish")
    return FAMILIES.get(report.fault, "broker" if is_publish else "failures")
