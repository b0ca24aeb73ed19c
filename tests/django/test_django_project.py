"""A Django project with a suite of its own, run as its users would run it: in a process of its own."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from suites import run_suite

SITE = Path(__file__).parent / "site"
OWN = Path(__file__).parent / "own"


def run(tmp_path: Path, database: str, *options: str, site: Path = SITE, variable: str = "SHOP_DATABASE") -> None:
    """Run the project's suite on a database, and fail with what it printed."""
    project = Path(shutil.copytree(site, tmp_path / "site", ignore=shutil.ignore_patterns("__pycache__")))
    done = run_suite(project, "-rfE", *options, plugins=("django", "timeout"), environment={variable: database})
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    assert " passed" in done.stdout


def test_the_project_passes_with_sqlite_in_memory(tmp_path: Path) -> None:
    run(tmp_path, "memory")


def test_the_project_passes_with_sqlite_in_a_file(tmp_path: Path) -> None:
    run(tmp_path, str(tmp_path / "shop.sqlite3"), "-k", "not thirty_days")


@pytest.mark.postgres
def test_the_project_passes_with_postgresql(tmp_path: Path, postgres_dsn: str) -> None:
    run(tmp_path, postgres_dsn, "-k", "not thirty_days")


def test_processes_with_connections_of_their_own_in_a_file(tmp_path: Path) -> None:
    run_own(tmp_path, str(tmp_path / "till.sqlite3"))


@pytest.mark.postgres
def test_processes_with_connections_of_their_own_in_postgresql(tmp_path: Path, postgres_dsn: str) -> None:
    run_own(tmp_path, postgres_dsn)


def run_own(tmp_path: Path, database: str) -> None:
    """Run the suite of the project whose processes have connections of their own."""
    run(tmp_path, database, site=OWN, variable="TILL_DATABASE")
