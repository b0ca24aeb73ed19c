"""What happens in all processes, in order: one file, to which each of them appends."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

HERE = Path(os.environ["KILLING_DIRECTORY"])
PATH = HERE / "log.jsonl"
#: The line before which the next task is killed: its number among the lines that it runs.
ORDER = HERE / "order"
#: Is there when a task has taken the order.
TAKEN = HERE / "taken"


def write(what: str, **more: Any) -> None:
    """Append a record in one write, which no other process can split."""
    descriptor = os.open(PATH, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        os.write(descriptor, json.dumps({"what": what, **more}).encode() + b"\n")
    finally:
        os.close(descriptor)


def read() -> list[dict[str, Any]]:
    """All records."""
    return [json.loads(line) for line in PATH.read_text("utf-8").splitlines()] if PATH.exists() else []


def begin(kill_before: int | None) -> None:
    """Forget what was, and say where the next task is killed."""
    PATH.unlink(missing_ok=True)
    TAKEN.unlink(missing_ok=True)
    ORDER.write_text(json.dumps(kill_before), "utf-8")


def take_order() -> tuple[bool, int | None]:
    """Whether nobody took the order before, and what it is."""
    try:
        os.close(os.open(TAKEN, os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return False, None
    return True, json.loads(ORDER.read_text("utf-8"))
