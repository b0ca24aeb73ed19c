"""How cost and memory grow with the number of messages.

Run as a program, it measures one size in a process of its own: `growth.py 1000` prints JSON.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from measuring import Row, Section, cpu_seconds, each, micros
from projects import one_task, trivial

from coldframe import Bench

SIZES = (1_000, 10_000, 100_000)
BATCH = 1_000
MOST_GROWTH = 1.25
MOST_KIB = 2048


def measure() -> Section:
    measured = {size: {what: _in_process_of_its_own(size, what) for what in MEASURES} for size in SIZES}
    first = measured[SIZES[0]]
    rows = [
        Row(
            what=f"{size:,} messages",
            bench=f"{micros(took['waiting'])} a message, all waiting at once",
            compared=f"{took['memory']:.0f} KiB more memory than for the first {BATCH:,}, trace in a file",
            ratio=f"{took['waiting'] / first['waiting']:.2f} of the time at {SIZES[0]:,}",
            target=f"at most {MOST_GROWTH}; {MOST_KIB} KiB",
            met=took["waiting"] / first["waiting"] <= MOST_GROWTH and took["memory"] <= MOST_KIB,
        )
        for size, took in measured.items()
    ]
    return Section("Grow with the number of messages", tuple(rows))


def _in_process_of_its_own(size: int, what: str) -> float:
    command = [sys.executable, __file__, what, str(size)]
    return float(json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout))


def _waiting(size: int) -> float:
    """Processor time of a message when all are published before the first one runs."""
    app = trivial("growth", broker="amqp://broker.internal//")
    with Bench(app) as bench:
        began = cpu_seconds()
        each(size, lambda number: one_task(app).delay(number, 1))
        bench.settle()
        return (cpu_seconds() - began) / size


def _memory(size: int) -> float:
    """KiB by which the process grew beyond its first batch, with the trace in a file."""
    app = trivial("growth", broker="amqp://broker.internal//")
    with tempfile.TemporaryDirectory() as folder, Bench(app, trace_file=Path(folder) / "trace.jsonl") as bench:
        before = 0
        for batch in range(1 + size // BATCH):
            each(BATCH, lambda number: one_task(app).delay(number, 1))
            bench.settle()
            if batch == 0:
                before = _largest_so_far()
        return _largest_so_far() - before


def _largest_so_far() -> int:
    """The most memory that this process had, in KiB; ru_maxrss would begin with what its parent had."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0])


MEASURES = {"waiting": _waiting, "memory": _memory}

if __name__ == "__main__":
    print(json.dumps(MEASURES[sys.argv[1]](int(sys.argv[2]))))
