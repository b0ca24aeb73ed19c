"""Whole projects with suites for eager mode, run with `--coldframe=eager-swap` in processes of their own."""

from __future__ import annotations

import ast
import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from suites import run_suite

PROJECTS = Path(__file__).parent / "eager_projects"
#: What the suite of each project needs.
PLUGINS = {"bookshop": ("django",), "clinic": ("django", "asyncio"), "courier": ()}

WAYS = {
    "plainly": [],
    "in two processes": ["-n", "2"],
    "in random order": ["-o", "addopts=--nomigrations", "-p", "randomly", "-o", "asyncio_mode=auto"],
    "imported by importlib": ["--import-mode=importlib"],
}


@dataclass(frozen=True)
class Swapped:
    """What a run of eager-swap left."""

    report: dict[str, Any]
    out: str
    code: int

    @property
    def changed(self) -> dict[str, str]:
        """The first reason of each changed test."""
        return {found["nodeid"].partition("::")[2]: found["reasons"][0]["kind"] for found in self.report["changed"]}


def run(project: Path, *options: str) -> subprocess.CompletedProcess[str]:
    parallel = ("xdist",) if "-n" in options else ()
    return run_suite(project, *options, plugins=(*PLUGINS[project.name], *parallel))


def swap(project: Path, *options: str) -> Swapped:
    done = run(project, "--coldframe=eager-swap", "--coldframe-report=swap/report.json", *options)
    path = project / "swap/report.json"
    assert path.exists(), done.stdout + done.stderr
    return Swapped(json.loads(path.read_text("utf-8")), done.stdout, done.returncode)


def lies_of(project: Path) -> dict[str, str]:
    """The tests that pass only because of eager mode, as the project's own files say, each with the reason."""
    return {
        name: reason
        for path in sorted(project.glob("checks/check_*.py"))
        for node in ast.parse(path.read_text("utf-8")).body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "LIES"
        for name, reason in ast.literal_eval(node.value).items()
    }


@pytest.fixture
def project(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    name = request.param
    return shutil.copytree(PROJECTS / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))


@pytest.mark.parametrize("project", ["bookshop", "courier", "clinic"], indirect=True)
def test_a_suite_for_eager_mode_passes_as_it_is(project: Path) -> None:
    done = run(project)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("project", ["bookshop", "courier", "clinic"], indirect=True)
def test_exactly_the_tests_that_eager_mode_made_pass_are_named(project: Path, way: str) -> None:
    options = [option for option in WAYS[way] if project.name != "courier" or "nomigrations" not in option]
    if project.name == "courier" and way == "in random order":
        options = ["-o", "addopts=", "-p", "randomly"]
    swapped = swap(project, *options)
    assert swapped.changed == lies_of(project), swapped.out
    assert swapped.code == pytest.ExitCode.TESTS_FAILED
    assert [found["nodeid"].partition("::")[2] for found in swapped.report["not_judged"]] == (
        ["test_app_of_the_test"] if project.name == "courier" else []
    )


@pytest.mark.parametrize("project", ["courier"], indirect=True)
def test_the_table_has_a_line_for_each_changed_test(project: Path) -> None:
    out = swap(project).out
    assert "eager → bench: 44 tests, 41 ran on the bench, 17 changed" in out
    assert (
        "checks/check_courier.py::test_card_tomorrow  passed → failed  countdown: courier.tasks.postcard is due 1 d "
        "after it was sent; eager mode ran it at once\n"
        "    next: the effect is there after that time only: with the fixture 'coldframe', advance(...) before the "
        "assert\n"
    ) in out
    assert (
        "wrong queue: courier.tasks.freight waits in queue 'lorries' (task_routes), which no node reads; they read "
        "'celery', 'letters', 'parcels'\n"
    ) in out


@pytest.mark.parametrize("project", ["courier"], indirect=True)
def test_the_failure_itself_says_why_it_passed_under_eager_mode(project: Path) -> None:
    out = swap(project, "-k", "test_card_tomorrow").out
    section = out.partition("- eager → bench -")[2]
    assert "countdown: courier.tasks.postcard is due 1 d after it was sent" in section
    assert "sent ('ann') to celery, due in" in section


@pytest.mark.parametrize("project", ["courier"], indirect=True)
def test_an_honest_selection_passes(project: Path) -> None:
    swapped = swap(project, "-k", "test_letter_is_delivered or test_chord_joins or test_without_tasks")
    assert swapped.code == pytest.ExitCode.OK
    assert swapped.report["tests"] == 3
    assert swapped.report["on_the_bench"] == 2
    assert swapped.report["changed"] == []


@pytest.mark.parametrize("project", ["bookshop"], indirect=True)
def test_without_the_option_nothing_runs_twice(project: Path) -> None:
    counts = project / "checks/check_count.py"
    counts.write_text(
        "from bookshop import tasks\n"
        "COUNT = []\n"
        "def test_once(tmp_path_factory):\n"
        "    COUNT.append(tasks.add.delay(1, 2).get())\n"
        "    assert COUNT == [3]\n",
        "utf-8",
    )
    assert run(project, "checks/check_count.py").returncode == 0
    swapped = swap(project, "checks/check_count.py")
    assert swapped.report["unchanged"] == ["checks/check_count.py::test_once"]
    assert swapped.report["on_the_bench"] == 1


STYLE_OF_A_TEST = """
import pytest
from courier import tasks
from courier.tasks import DELIVERED

@pytest.fixture(scope="module")
def shared():
    DELIVERED.append("module")
    yield
    print("module ends", DELIVERED.count("module"))

def test_one(shared):
    tasks.letter.delay("ann")
    assert DELIVERED == ["ann"]

def test_two(shared):
    tasks.postcard.apply_async(("ann",), countdown=1)
    tasks.freight.delay("bob")
    assert "{wanted}" in DELIVERED
"""


@pytest.mark.parametrize("project", ["courier"], indirect=True)
@pytest.mark.parametrize(("wanted", "kind"), [("card ann", "countdown"), ("bob", "wrong queue")])
def test_of_several_differences_the_one_that_matters_comes_first(project: Path, wanted: str, kind: str) -> None:
    (project / "checks/check_two.py").write_text(STYLE_OF_A_TEST.replace("{wanted}", wanted), "utf-8")
    swapped = swap(project, "checks/check_two.py", "-s")
    assert swapped.changed == {"test_two": kind}
    assert swapped.out.count("module ends") == 1


RUNS_ONCE_ONLY = """
import pathlib
from courier import tasks

def test_once(request):
    mark = pathlib.Path(request.config.rootpath, "mark")
    assert not mark.exists()
    mark.write_text(tasks.letter.delay("ann").get())
"""


@pytest.mark.parametrize("project", ["courier"], indirect=True)
def test_a_test_that_cannot_run_twice_is_not_judged(project: Path) -> None:
    (project / "checks/check_once.py").write_text(RUNS_ONCE_ONLY, "utf-8")
    swapped = swap(project, "checks/check_once.py")
    assert swapped.code == pytest.ExitCode.OK
    (found,) = swapped.report["not_judged"]
    assert found["note"] == "passed, and failed when it ran again under eager mode: it cannot run twice in a process"
