"""Runs the command in small projects, in a process of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from suites import SOURCE, run_suite

HERE = Path(__file__).parent

Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the shop."""
    return Path(
        shutil.copytree(HERE / "projects" / "shop", tmp_path / "shop", ignore=shutil.ignore_patterns("__pycache__"))
    )


@pytest.fixture
def environment() -> dict[str, str]:
    """What a command is started with: nothing of this very test run."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("DJANGO", "PYTEST"))}
    only_ours = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_PLUGINS": "coldframe.pytest_plugin"}
    return kept | only_ours | {"PYTHONPATH": str(SOURCE), "PYTHONWARNINGS": "", "COLUMNS": "120"}


@pytest.fixture
def coldframe_command(project: Path, environment: dict[str, str]) -> Command:
    """`coldframe_command("harden", "--fail-fast")` in the project."""

    def run(*words: str, text: str = "", cwd: Path = project) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "coldframe.cli", *words],
            cwd=cwd,
            env=environment,
            input=text,
            capture_output=True,
            text=True,
            check=False,
            timeout=100,
        )

    return run


@pytest.fixture
def run_test(project: Path) -> Command:
    """`run_test("test_pasted.py")`: pytest in the project, with no plugin but ours."""

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return run_suite(project, "-p", "no:cacheprovider", *words, environment={"COLUMNS": "120"})

    return run
