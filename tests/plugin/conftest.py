"""Runs pytest on small projects, in a process of its own and with no plugin but those that are named."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

HERE = Path(__file__).parent
SRC = HERE.parents[1] / "src"

Run = Callable[..., pytest.RunResult]


@pytest.fixture
def run_pytest(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Copies a project and runs pytest in it: `run_pytest("shop", "check_use.py", plugins=("xdist",))`."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.delenv("DJANGO_SETTINGS_MODULE", raising=False)
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)

    def run(
        project: str, *arguments: str, plugins: tuple[str, ...] = (), without: tuple[str, ...] = ()
    ) -> pytest.RunResult:
        ignore = shutil.ignore_patterns("__pycache__", *without)
        shutil.copytree(HERE / "projects" / project, pytester.path, dirs_exist_ok=True, ignore=ignore)
        monkeypatch.setenv("PYTHONPATH", f"{SRC}:{pytester.path}")
        loaded = [word for plugin in ("coldframe.pytest_plugin", *plugins) for word in ("-p", plugin)]
        return pytester.runpytest_subprocess(*loaded, "-W", "error", *arguments, timeout=100)

    return run
