"""A schedule over many days."""

from __future__ import annotations

from measuring import Row, Section, micros, wall_seconds
from projects import scheduled

from coldframe import Bench

DAYS = 90
LIMIT_S = 10.0


def measure() -> Section:
    with Bench(scheduled()) as bench:
        bench.beat()
        began = wall_seconds()
        ran = bench.advance(days=DAYS).ran
        took = wall_seconds() - began
    row = Row(
        what=f"{DAYS} days, 30 entries, {ran} runs",
        bench=f"{took:.1f} s ({micros(took / ran)} a run)",
        compared="",
        ratio="",
        target=f"under {LIMIT_S:.0f} s",
        met=took < LIMIT_S,
    )
    return Section("Keep a schedule", (row,))
