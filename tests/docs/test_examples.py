"""The examples of the README and of the docs do what they say."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import project_pages
import run_page

ROOT = Path(__file__).parents[2]
LINK = re.compile(r"\]\((?!https?:|#)([^)#]+)")
PAGES = sorted(ROOT.joinpath("docs").rglob("*.md"))
PROJECTS = [page for page in PAGES if project_pages.is_project(page.read_text("utf-8"))]
OTHERS = [page for page in PAGES if page not in PROJECTS and run_page.BLOCK.search(page.read_text("utf-8"))]


def test_the_first_example_of_the_readme_runs_and_prints_its_timeline() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "tests/docs/run_readme.py")],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "receipt for order 42 sent" in done.stdout
    assert "charge        succeeded → 'paid'" in done.stdout
    assert "1 passed" in done.stdout


@pytest.mark.parametrize("page", OTHERS, ids=lambda p: p.name)
def test_the_examples_of_a_page_run_in_order(page: Path) -> None:
    command = [sys.executable, "-W", "error", str(ROOT / "tests/docs/run_page.py"), str(page)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("page", PROJECTS, ids=lambda p: p.name)
def test_who_follows_a_page_sees_what_it_shows(page: Path, tmp_path: Path) -> None:
    told = project_pages.follow(page.read_text("utf-8"), tmp_path)
    assert told != []
    for expected, printed in told:
        assert project_pages.is_told(expected, printed), (
            f"{page.name} shows\n{expected}\n\nand this was printed\n{printed}"
        )


@pytest.mark.parametrize("page", [ROOT / "README.md", *PAGES], ids=lambda p: p.name)
def test_links_within_the_project_lead_somewhere(page: Path) -> None:
    for target in LINK.findall(page.read_text("utf-8")):
        assert page.parent.joinpath(target).exists(), f"{page.name} links to {target}"


def test_every_page_is_on_the_index() -> None:
    docs = ROOT / "docs"
    linked = {(docs / target).resolve() for target in LINK.findall((docs / "index.md").read_text("utf-8"))}
    assert [page.name for page in PAGES if page.resolve() not in linked | {docs / "index.md"}] == []
