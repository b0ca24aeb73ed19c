"""Files and functions stay small enough to hold in the head."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 60
#: Files that may be longer, each with the reason.
LONG_FILES: dict[str, str] = {}

FILES = sorted(path for folder in ("src", "tests", "benchmarks", "systems") for path in (ROOT / folder).rglob("*.py"))


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_a_file_is_short_enough(path: Path) -> None:
    lines = len(path.read_text("utf-8").splitlines())
    assert lines <= MAX_FILE_LINES or name_of(path) in LONG_FILES, (
        f"{name_of(path)} has {lines} lines: split it, or put it into LONG_FILES with a reason"
    )


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_its_functions_are_short_enough(path: Path) -> None:
    too_long = [
        f"{name_of(path)}:{node.lineno} {node.name} has {lines} lines"
        for node in ast.walk(ast.parse(path.read_bytes()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (lines := (node.end_lineno or node.lineno) - node.lineno + 1) > MAX_FUNCTION_LINES
    ]
    assert too_long == []


def test_every_long_file_is_still_there_and_still_long() -> None:
    short = [name for name in LONG_FILES if len((ROOT / name).read_text("utf-8").splitlines()) <= MAX_FILE_LINES]
    assert short == []
