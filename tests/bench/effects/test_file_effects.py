"""Files that a task writes, renames and deletes."""

from __future__ import annotations

import builtins
import gzip
import hashlib
import io
import os
import shutil
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any

import pytest
from celery import Celery

from coldframe import Bench

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1]))

from process_state import nothing_left
from watching import Run, error_of, gate_of, outcomes, told, touched


def write_report() -> None:
    with open("report.csv", "w") as report:
        report.write("a,b\n")


def test_writing_a_file_is_two_effects(run: Run) -> None:
    bench = run(write_report)
    opened, written = touched(bench)
    assert (opened.effect, opened.what) == ("file.open", "report.csv")
    assert opened.details == {"path": "report.csv", "change": "created"}
    assert opened.failures == ("disk full", "permission denied")
    assert (written.effect, written.what, written.failures) == ("file.write", "report.csv", ("disk full",))
    assert written.details == {
        "path": "report.csv",
        "size": 4,
        "sha256": hashlib.sha256(b"a,b\n").hexdigest(),
        "text": "a,b\n",
    }
    assert "effects/test_file_effects.py:" in opened.where
    assert outcomes(bench) == ["SUCCESS"]


def test_the_file_is_of_the_class_that_open_gives(run: Run) -> None:
    def body() -> None:
        modes: list[tuple[str, type]] = [
            ("w", io.TextIOWrapper),
            ("wt+", io.TextIOWrapper),
            ("wb", io.BufferedWriter),
            ("wb+", io.BufferedRandom),
        ]
        for mode, kind in modes:
            with open("x", mode) as file:
                assert isinstance(file, kind)
                assert (file.name, file.closed) == ("x", False)
            assert file.closed
        with open("x", "wb", buffering=0) as file:
            assert isinstance(file, io.FileIO)
        with open("x", "w", encoding="latin-1", newline="\r\n") as file:
            assert (file.mode, file.encoding) == ("w", "latin-1")
            file.write("ä\n")

    bench = run(body)
    assert (error_of(bench), Path("x").read_bytes()) == (None, b"\xe4\r\n")
    assert [event.details.get("change") for event in touched(bench, "file.open")] == ["created", *["emptied"] * 5]
    assert "text" not in touched(bench)[-1].details


def test_an_append_tells_what_was_appended(run: Run) -> None:
    def body() -> None:
        for line in ("one\n", "two\n"):
            with open("log.txt", "a") as log:
                log.write(line)

    bench = run(body)
    assert told(bench) == ["file.open log.txt", "file.write append to log.txt", "file.write append to log.txt"]
    assert [event.details["text"] for event in touched(bench, "file.write")] == ["one\n", "two\n"]


def test_a_change_in_place_is_an_effect_when_the_file_is_closed(run: Run) -> None:
    Path("x").write_text("abc")

    def body() -> None:
        with open("x", "r+") as file:
            file.write("X")

    bench = run(body)
    assert [(event.effect, event.details["text"]) for event in touched(bench)] == [("file.write", "Xbc")]


def test_the_standard_library_writes_for_the_project(run: Run) -> None:
    def body() -> None:
        Path("by_path.txt").write_text("a")
        Path("by_path.bin").write_bytes(b"b")
        with Path("opened").open("w") as file:
            file.write("c")
        shutil.copyfile("opened", "copied")
        with gzip.open("packed.gz", "wt") as packed:
            packed.write("d")
        Path("touched").touch()

    bench = run(body)
    assert error_of(bench) is None
    assert [event.what for event in touched(bench, "file.write")] == [
        "by_path.txt",
        "by_path.bin",
        "opened",
        "copied",
        "packed.gz",
    ]
    assert touched(bench)[-1].details == {"path": "touched", "change": "created"}


def test_what_others_write_for_themselves_is_nothing(run: Run) -> None:
    def body() -> None:
        with tempfile.NamedTemporaryFile() as file:
            file.write(b"x")
        with tempfile.TemporaryDirectory():
            pass
        with open(os.devnull, "w") as nowhere:
            nowhere.write("x")
        with pytest.raises(ValueError, match="invalid mode"):
            Path("x").open("wz")  # noqa: SIM115
        with pytest.raises(ValueError, match="binary mode doesn't take an encoding"):
            Path("x").open("wb", encoding="utf-8")  # noqa: SIM115

    bench = run(body)
    assert (error_of(bench), told(bench), os.listdir()) == (None, [], [])


def test_names_have_no_temporary_directory_in_them(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(os.sep)

    def body() -> None:
        (tmp_path / "out").mkdir()
        (tmp_path / "out" / "x.txt").write_text("x")

    assert told(run(body)) == ["file.mkdir out", "file.open out/x.txt", "file.write out/x.txt"]


def test_renaming_and_deleting(run: Run) -> None:
    def body() -> None:
        for name in "abcdef":
            Path(name).write_text(name)
        os.rename("a", "a2")
        os.replace("b", "c")
        Path("c").rename("c2")
        Path("d").replace("d2")
        os.makedirs("deep/er")
        shutil.move("e", "deep")
        os.remove("f")
        Path("a2").unlink()
        shutil.rmtree("deep")
        os.mkdir("empty")
        os.rmdir("empty")
        os.symlink("c2", "link")
        os.truncate("c2", 0)

    bench = run(body)
    assert error_of(bench) is None
    assert told(bench)[12:] == [
        "file.rename a to a2",
        "file.rename b to c",
        "file.rename c to c2",
        "file.rename d to d2",
        "file.mkdir deep/er",
        "file.rename e to deep/e",
        "file.delete f",
        "file.delete a2",
        "file.delete deep",
        "file.mkdir empty",
        "file.delete empty",
        "file.write link",
        "file.write truncate c2",
    ]
    assert touched(bench, "file.rename")[0].details == {"from": "a", "to": "a2"}
    assert sorted(os.listdir()) == ["c2", "d2", "link"]


def test_what_changes_nothing_is_no_effect(run: Run) -> None:
    Path("there").mkdir()

    def body() -> None:
        Path("gone").unlink(missing_ok=True)
        Path("there").mkdir(exist_ok=True)
        os.makedirs("there", exist_ok=True)
        shutil.rmtree("gone", ignore_errors=True)
        for fails in (lambda: os.remove("gone"), lambda: os.rename("gone", "x"), lambda: os.mkdir("gone/er")):
            with pytest.raises(FileNotFoundError, match="gone"):
                fails()

    bench = run(body)
    assert (error_of(bench), told(bench)) == (None, [])


def test_functions_that_were_imported_by_name_are_watched(run: Run) -> None:
    from os import remove
    from shutil import rmtree

    def body() -> None:
        Path("a").write_text("a")
        globals()["captured_remove"]("a")
        Path("d").mkdir()
        globals()["captured_rmtree"]("d")

    globals().update(captured_remove=remove, captured_rmtree=rmtree)
    assert told(run(body))[2:] == ["file.delete a", "file.mkdir d", "file.delete d"]
    assert (captured_remove, captured_rmtree) == (os.remove, shutil.rmtree)  # noqa: F821


def test_a_descriptor_that_becomes_a_file_is_written(run: Run) -> None:
    def body() -> None:
        with os.fdopen(os.open("x", os.O_CREAT | os.O_WRONLY | os.O_EXCL), "w") as file:
            file.write("abc")

    bench = run(body)
    assert told(bench) == ["file.open x", "file.write x"]
    assert touched(bench)[-1].details["text"] == "abc"


def test_a_file_that_is_left_to_the_garbage_collector_keeps_its_content(run: Run) -> None:
    def body() -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)
            Path("x").open("w").write("abc")  # noqa: SIM115

    assert told(run(body)) == ["file.open x", "file.write x"]
    assert Path("x").read_text() == "abc"


def test_a_lock_file_that_is_there_is_no_effect(run: Run) -> None:
    Path("lock").touch()

    def body() -> None:
        with pytest.raises(FileExistsError, match="lock"):
            os.open("lock", os.O_CREAT | os.O_EXCL | os.O_WRONLY)
        with pytest.raises(FileExistsError, match="lock"):
            Path("lock").open("x")  # noqa: SIM115

    bench = run(body)
    assert (error_of(bench), told(bench)) == (None, [])


def test_functions_that_work_on_descriptors_are_left_alone(run: Run) -> None:
    Path("d").mkdir()

    def body() -> None:
        with open("x", "w") as file:
            os.truncate(file.fileno(), 0)
        directory = os.open("d", os.O_RDONLY)
        os.mkdir("a", dir_fd=directory)
        os.rename("a", "b", src_dir_fd=directory, dst_dir_fd=directory)
        os.rmdir("b", dir_fd=directory)
        os.close(os.open("c", os.O_CREAT | os.O_WRONLY, dir_fd=directory))
        os.unlink("c", dir_fd=directory)
        os.close(directory)
        with open(1, "w", closefd=False):
            pass

    bench = run(body)
    assert (error_of(bench), told(bench)) == (None, ["file.open x", "file.write x"])


def test_a_file_that_is_renamed_while_it_is_open_is_still_written(run: Run) -> None:
    def body() -> None:
        with open("x", "w") as file:
            os.rename("x", "y")
            file.write("abc")
        os.link("y", "z")
        os.link("y", os.path.join(os.getcwd(), "w"))
        with pytest.raises(FileExistsError, match="z"):
            os.symlink("y", "z")

    bench = run(body)
    assert error_of(bench) is None
    assert told(bench) == ["file.open x", "file.rename x to y", "file.write x", "file.write z", "file.write w"]
    assert touched(bench, "file.write")[0].details == {"path": "x"}


def test_a_file_that_another_task_closes_is_only_closed(run: Run) -> None:
    held: list[Any] = []

    def body() -> None:
        if held:
            held.pop().close()
        else:
            held.append(open("x", "w"))  # noqa: SIM115
            held[0].write("abc")

    def send_another(bench: Bench) -> None:
        bench._now_open.world.apps[0].tasks["shop.body"].delay()

    bench = run(body, send_another)
    assert (error_of(bench), told(bench)) == (None, ["file.open x"])
    assert Path("x").read_text() == "abc"


def test_reads_are_told(run: Run, tmp_path: Path) -> None:
    Path("x").write_text("abc")
    seen: list[str] = []

    def body() -> str:
        return Path("x").read_text()

    def listen(bench: Bench) -> None:
        gate_of(bench).before.append(lambda touch: seen.append(f"{touch.effect} {touch.what}"))

    run(body, listen)
    assert f"read file {tmp_path / 'x'}" in seen


def test_nothing_is_watched_outside_of_tasks(app: Celery, tmp_path: Path) -> None:
    with Bench(app) as bench:
        (tmp_path / "x").write_text("abc")
        (tmp_path / "x").unlink()
    assert touched(bench) == []


def test_everything_is_put_back(app: Celery) -> None:
    names = ("open", "remove", "unlink", "rename", "replace", "mkdir", "rmdir", "makedirs", "symlink", "link")

    def state() -> list[int]:
        return [
            *(id(getattr(os, name)) for name in names),
            *map(id, (builtins.open, io.open, shutil.rmtree, shutil.move)),
        ]

    before = state()
    with nothing_left(), Bench(app):
        assert state() != before
    assert state() == before


def test_a_random_name_of_tempfile_is_told_without_what_is_random_in_it(run: Run) -> None:
    def body() -> None:
        with tempfile.NamedTemporaryFile("w", dir=".", prefix="half-", suffix=".csv", delete=False) as file:
            file.write("a,b\n")
        os.replace(file.name, "whole.csv")

    assert told(run(body))[-1] == "file.rename half-….csv to whole.csv"
