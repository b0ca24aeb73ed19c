"""Measures Coldframe, prints the tables, and rewrites docs/reference/benchmarks.md.

python benchmarks/run.py             everything
python benchmarks/run.py opening     some of it; the page stays as it is
"""

from __future__ import annotations

import os
import platform
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import growth
import hardening
import opening
import real_worker
import schedule
import shares
import throughput
from measuring import Section, as_table

BENCHMARKS = {
    "throughput": throughput.measure,
    "opening": opening.measure,
    "schedule": schedule.measure,
    "growth": growth.measure,
    "hardening": hardening.measure,
    # Last: the worker's threads and signal handlers stay in the process.
    "real_worker": real_worker.measure,
}
PAGE = Path(__file__).parents[1] / "docs" / "reference" / "benchmarks.md"
MEASURED = "<!-- measured: everything below is written by `make bench` -->"
LIBRARIES = ("coldframe", "celery", "kombu", "billiard", "greenlet", "time-machine", "redis")


def main(chosen: list[str]) -> int:
    unknown = [name for name in chosen if name not in BENCHMARKS]
    if unknown:
        print(f"there is no benchmark {unknown[0]!r}: choose from {', '.join(BENCHMARKS)}", file=sys.stderr)
        return 2
    before = os.getloadavg()[0]
    sections = []
    for name in chosen or BENCHMARKS:
        print(f"measuring {name} ...", file=sys.stderr, flush=True)
        sections.append(BENCHMARKS[name]())
    lines = [line for section in sections for line in _lines_of(section)]
    if not chosen:
        lines += _lines_of_shares()
    print("\n".join(lines))
    if not chosen:
        _write(lines, before)
    missed = [f"{section.title}: {row.what}" for section in sections for row in section.rows if not row.met]
    for target in missed:
        print(f"target missed: {target}", file=sys.stderr)
    return 0


def _lines_of(section: Section) -> list[str]:
    if section.skipped:
        return [f"## {section.title}", "", f"Not measured: {section.skipped}.", ""]
    header = ("", "bench", "compared with", "ratio", "target", "met")
    lines = [
        (row.what, row.bench, row.compared, row.ratio, row.target, "yes" if row.met else "**no**")
        for row in section.rows
    ]
    return [f"## {section.title}", "", *as_table(header, lines), ""]


def _lines_of_shares() -> list[str]:
    lines = [
        (phase, name, f"{share:.0%}") for phase, spent in shares.measure().items() for name, share in spent.items()
    ]
    return ["## Where the time of a task goes", "", *as_table(("", "in the code of", "share"), lines), ""]


def _write(lines: list[str], before: float) -> None:
    head = PAGE.read_text(encoding="utf-8").partition(MEASURED)[0]
    load = max(before, os.getloadavg()[0])
    versions = ", ".join(f"{name} {version(name)}" for name in LIBRARIES if _is_installed(name))
    measured = (
        f"Measured on {datetime.now(UTC):%Y-%m-%d} on {os.cpu_count()} processors with a load of {load:.1f}: "
        f"Python {platform.python_version()}, {versions}."
    )
    PAGE.write_text("\n".join([f"{head}{MEASURED}", "", measured, "", *lines]).rstrip() + "\n", encoding="utf-8")


def _is_installed(name: str) -> bool:
    try:
        version(name)
    except ImportError:
        return False
    return True


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
