"""What is written in the repository is true wherever it is cloned."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = ("src", "tests", "docs", "benchmarks", "changelog.d", "systems", ".ci")
SUFFIXES = {"", ".cfg", ".css", ".html", ".ini", ".js", ".json", ".md", ".py", ".sh", ".svg", ".toml", ".txt", ".yml"}

#: What must not be found, and why. The patterns are written so that they do not find themselves.
BANNED = {
    "the address of a package host": r"py[p]i\.(org|python)|python[h]osted|npm[j]s\.(org|com)|deb\.[d]ebian\.org",
    "a package index": r"(index|find)-[l]inks|(extra-)?index-[u]rl|--[h]ash=",
    "a path outside the repository": r"(?<![\w./~-])/(work|root|home|opt|Users)/[a-z]",
    "a note to self": r"\b(TO[D]O|FIX[M]E|XX[X])\b",
}


def written_files() -> list[Path]:
    paths = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*")]
    paths += ROOT.iterdir()
    return sorted(path for path in paths if path.is_file() and path.suffix in SUFFIXES and not is_cache(path))


def is_cache(path: Path) -> bool:
    folders = path.relative_to(ROOT).parts[:-1]
    return path.name == ".git" or any(
        name in {"__pycache__", "var"} or name.startswith(".") for name in folders if name != ".ci"
    )


@pytest.mark.parametrize("path", written_files(), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_file_says_nothing_that_holds_on_one_machine_only(path: Path) -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}: {what}: {line.strip()}"
        for number, line in enumerate(path.read_text("utf-8").splitlines(), start=1)
        for what, pattern in BANNED.items()
        if re.search(pattern, line)
    ]
    assert found == []


def test_constraints_are_names_and_versions_only() -> None:
    lines = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    assert [line for line in lines if not re.fullmatch(r"#.*|[a-z0-9-]+==[0-9][0-9a-z.]*", line)] == []


def test_the_architecture_fits_on_a_page() -> None:
    assert len((ROOT / "ARCHITECTURE.md").read_text("utf-8").splitlines()) <= 80
