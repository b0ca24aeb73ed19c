"""Imports only go down, and never in a circle."""

from __future__ import annotations

import configparser
import graphlib
import subprocess
import sys
from pathlib import Path

import grimp
import pytest

pytestmark = pytest.mark.unit

SYSTEM = Path(__file__).parents[2]
CONFIG = ".importlinter"
#: Where requests, frames and commands come in. Only here is work handed to a task.
DOORS = {"admin", "api", "consumers", "management", "moves", "views"}
#: All that `documents` may know of the applications that its papers belong to.
GROUND_FLOOR = {f"applications.{name}" for name in ("access", "loan_dates", "models", "selectors")}


@pytest.fixture(scope="module")
def packages() -> list[str]:
    """The packages that the contracts speak of."""
    config = configparser.ConfigParser()
    config.read(SYSTEM / CONFIG)
    return config["importlinter"]["root_packages"].split()


@pytest.fixture(scope="module")
def imports(packages: list[str]) -> dict[str, set[str]]:
    """Which module of the system imports which, when it runs."""
    graph = grimp.build_graph(*packages, exclude_type_checking_imports=True, cache_dir=None)
    return {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}


def is_door(module: str) -> bool:
    return any(part in DOORS or part.endswith(("_api", "_admin")) for part in module.split("."))


def test_imports_only_go_down() -> None:
    # In a process of its own: import-linter sets logging up anew, and takes the loggers of all others off.
    linter = Path(sys.executable).with_name("lint-imports")
    command = [linter, "--config", CONFIG, "--no-cache"]
    done = subprocess.run(command, cwd=SYSTEM, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_contracts_speak_of_every_package(packages: list[str]) -> None:
    found = {path.parent.name for path in SYSTEM.glob("*/__init__.py")} - {"tests"}
    assert set(packages) == found


def test_no_module_imports_itself_in_the_end(imports: dict[str, set[str]]) -> None:
    try:
        graphlib.TopologicalSorter(imports).prepare()
    except graphlib.CycleError as error:
        pytest.fail("imports in a circle: " + " <- ".join(error.args[1]))


def test_only_doors_hand_work_to_tasks(imports: dict[str, set[str]]) -> None:
    tasks = {module for module in imports if "tasks" in module.split(".")}
    wrong = {
        f"{importer} imports {imported}"
        for importer, found in imports.items()
        for imported in found & tasks
        if importer not in tasks and not is_door(importer)
    }
    assert wrong == set()


def test_only_doors_and_urls_know_doors(imports: dict[str, set[str]]) -> None:
    wrong = {
        f"{importer} imports {imported}"
        for importer, found in imports.items()
        for imported in found
        if is_door(imported) and imported != "core.api" and not is_door(importer)
        if importer.rpartition(".")[2] not in {"urls", "routing", "asgi"}
    }
    assert wrong == set()


def test_papers_know_only_the_ground_floor_of_applications(imports: dict[str, set[str]]) -> None:
    known = {
        imported
        for importer, found in imports.items()
        for imported in found
        if importer.startswith("documents.") and imported.startswith("applications.")
    }
    assert known <= GROUND_FLOOR
