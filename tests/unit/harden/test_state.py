"""What is put back between runs, and what runs are compared by."""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack
from pathlib import Path

import pytest

from coldframe import SetupError
from coldframe._harden.state import Columns, Directory, Folder, Rows, State


class Shelf:
    """A database that has what it is given."""

    file = "shelf"

    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    def move(self, directory: Path) -> None:
        """It has no file."""

    def put_back(self) -> None:
        """Nothing changes it."""

    def rows(self) -> Rows:
        """What it has."""
        return self._rows

    def columns(self) -> Columns:
        """It has one."""
        return {"orders": ("state",)}


def test_tables_of_the_same_name_in_two_databases_hide_nothing_of_each_other() -> None:
    parts = [Shelf({"orders": Counter({("new",): 1})}), Shelf({"orders": Counter({("new",): 1, ("paid",): 1})})]
    with State(lambda directory, stack: parts) as state:
        assert state.rows() == {"orders": Counter({("new",): 2, ("paid",): 1})}


def test_what_is_only_there_for_a_time_is_not_compared(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "media", tmp_path / "own", lambda path: None)
    folder.put_back()
    own = tmp_path / "own" / "media"
    for name in ("report.csv", "report.part", "report.csv.tmp", "tmpb3x_90ka", "tmpb3x_90ka.csv", ".tmp1", "notes~"):
        own.joinpath(name).write_text("")
    own.joinpath("tmp.csv").write_text("")
    assert folder.rows() == {"files in media": Counter({("report.csv", b""): 1, ("tmp.csv", b""): 1})}


def test_a_directory_of_the_project_is_put_back_where_it_is(tmp_path: Path) -> None:
    own, tmp_path = tmp_path / "own", tmp_path / "journal"
    tmp_path.joinpath("in").mkdir(parents=True)
    for name in ("kept.txt", "in/changed.txt", "in/removed.txt"):
        tmp_path.joinpath(name).write_text(name)
    tmp_path.joinpath("kept.txt").chmod(0o640)
    tmp_path.joinpath("link").symlink_to("nowhere")
    with ExitStack() as stack:
        directory = Directory(tmp_path, own, stack)
        before = directory.rows()
        tmp_path.joinpath("in/changed.txt").write_text("other")
        tmp_path.joinpath("in/removed.txt").unlink()
        tmp_path.joinpath("new/deep").mkdir(parents=True)
        tmp_path.joinpath("new/deep/file.txt").write_text("new")
        assert directory.rows() != before
        directory.put_back()
        assert directory.rows() == before
        assert sorted(path.name for path in tmp_path.iterdir()) == ["in", "kept.txt", "link"]
        tmp_path.joinpath("kept.txt").unlink()
        tmp_path.joinpath("link").unlink()
        tmp_path.joinpath("in/changed.txt").unlink()
        tmp_path.joinpath("in/changed.txt").mkdir()
    assert tmp_path.joinpath("kept.txt").read_text() == "kept.txt"
    assert tmp_path.joinpath("kept.txt").stat().st_mode & 0o777 == 0o640
    assert tmp_path.joinpath("link").readlink() == Path("nowhere")
    assert tmp_path.joinpath("in/changed.txt").read_text() == "in/changed.txt"


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (Path("/no/where"), r"files='/no/where' is no directory\n  hint: name the directory"),
        (Path("/"), r"files='/' is not only the tasks' directory: .* is in it\n  hint: what is written there"),
    ],
)
def test_a_directory_that_is_none_or_everybodys_is_refused(tmp_path: Path, path: Path, text: str) -> None:
    with ExitStack() as stack, pytest.raises(SetupError, match=text):
        Directory(path, tmp_path, stack)
