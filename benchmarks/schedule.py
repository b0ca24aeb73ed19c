"""A schedule over many days."""

from __future__ import annotations

from measuring import Row, Section, cpu_seconds, micros, wall_seconds
from projects import scheduled

from coldframe import Bench

DAYS = 90
LIMIT_S = 10.0


def measure() -> Section:
    with Bench(scheduled()) as bench:
        bench.beat()
        began, computed = wall_seconds(), cpu_seconds()
        ran = bench.advance(days=DAYS).ran
        took, computed = wall_seconds() - began, cpu_seconds() - computed
    row = Row(
        what=f"{DAYS} days, 30 entries, {ran} runs",
        bench=f"{took:.1f} s; processor time {computed:.1f} s ({micros(computed / ran)} a run)",
        compared="",
        ratio="",
        target=f"under {LIMIT_S:.0f} s",
        met=took < LIMIT_S,
    )
    return Section("Keep a schedule", (row,))
