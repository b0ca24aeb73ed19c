"""What eager-swap tells at the end: a table for people, and the same as data."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from coldframe._looking.wording import times
from coldframe.testing.eager_swap_turn import Verdict

VERSION = 1
TITLE = "eager → bench"


def headline(verdicts: Sequence[Verdict]) -> str:
    """The result in one line."""
    judged = [verdict for verdict in verdicts if verdict.bench is not None]
    changed = [verdict for verdict in verdicts if verdict.is_changed]
    return f"{TITLE}: {times(len(verdicts), 'test')}, {len(judged)} ran on the bench, {len(changed)} changed"


def lines(verdicts: Sequence[Verdict]) -> Iterator[str]:
    """The changed tests with their reasons, then those that could not be judged."""
    for verdict in verdicts:
        if not verdict.is_changed:
            continue
        first, *others = verdict.reasons
        yield f"{verdict.nodeid}  {verdict.eager} → {verdict.bench}  {first['kind']}: {first['text']}"
        yield f"    next: {first['next_step']}"
        for reason in others[:2]:
            yield f"    also: {reason['kind']}: {reason['text']}"
    noted = [verdict for verdict in verdicts if verdict.note]
    if noted:
        yield ""
        yield f"{times(len(noted), 'test')} could not be judged:"
        for verdict in noted:
            yield f"{verdict.nodeid}  {verdict.note}"


def as_data(verdicts: Sequence[Verdict]) -> dict[str, Any]:
    """All verdicts as plain data."""
    return {
        "version": VERSION,
        "tests": len(verdicts),
        "on_the_bench": sum(verdict.bench is not None for verdict in verdicts),
        "changed": [verdict.as_data() for verdict in verdicts if verdict.is_changed],
        "not_judged": [verdict.as_data() for verdict in verdicts if verdict.note],
        "unchanged": [verdict.nodeid for verdict in verdicts if not (verdict.is_changed or verdict.note)],
    }


def write(verdicts: Sequence[Verdict], path: Path) -> None:
    """Write all verdicts to a file of JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(as_data(verdicts), indent=2, ensure_ascii=False) + "\n", "utf-8")
