"""Files that cannot be written, and files of processes that die."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from celery import Celery

from coldframe import Bench

sys.path.insert(0, str(Path(__file__).parent))

from watching import Run, answer, define, error_of, kill, outcomes, told, touched


def write_report() -> None:
    with open("report.csv", "w") as report:
        report.write("a,b\n")


FAILURES: list[tuple[str, str, type[OSError], list[str]]] = [
    ("file.open", "disk full", OSError, []),
    ("file.open", "permission denied", PermissionError, []),
    ("file.write", "disk full", OSError, ["report.csv"]),
]


@pytest.mark.parametrize(("effect", "failure", "kind", "left"), FAILURES)
def test_the_file_system_fails_as_in_life(
    run: Run, effect: str, failure: str, kind: type[OSError], left: list[str]
) -> None:
    bench = run(write_report, lambda bench: answer(bench, effect, failure))
    assert type(error_of(bench)) is kind
    assert touched(bench)[-1].outcome == "failed"
    assert os.listdir() == left
    assert [Path(name).read_text() for name in left] == [""] * len(left)


def test_a_file_whose_last_flush_failed_is_closed(run: Run) -> None:
    def body() -> bool:
        file = Path("x").open("w")  # noqa: SIM115
        file.write("abc")
        with pytest.raises(OSError, match="No space left on device"):
            file.close()
        return file.closed

    bench = run(body, lambda bench: answer(bench, "file.write", "disk full"))
    assert error_of(bench) is None
    assert Path("x").read_text() == ""


PLACES = [
    ("before", "file.open", None),
    ("after", "file.open", ""),
    ("before", "file.write", ""),
    ("after", "file.write", "a,b\n"),
]


@pytest.mark.parametrize(("place", "effect", "content"), PLACES)
def test_a_process_that_dies_leaves_what_it_had_flushed(run: Run, place: str, effect: str, content: str | None) -> None:
    bench = run(write_report, lambda bench: kill(bench, place, effect))
    assert outcomes(bench) == ["LOST"]
    assert (Path("report.csv").read_text() if Path("report.csv").exists() else None) == content


def test_a_process_that_dies_in_the_middle_leaves_half_a_file(run: Run) -> None:
    def body() -> None:
        with open("report.csv", "w") as report:
            report.write("flushed\n")
            report.flush()
            report.write("lost\n")
            os.remove("other")

    Path("other").write_text("")
    bench = run(body, lambda bench: kill(bench, "before", "file.delete"))
    assert outcomes(bench) == ["LOST"]
    assert Path("report.csv").read_text() == "flushed\n"


def test_a_bench_that_closes_in_the_middle_leaves_half_a_file(app: Celery, tmp_path: Path) -> None:
    import time

    def body() -> None:
        with open(tmp_path / "x", "w") as report:
            report.write("lost\n")
            time.sleep(60)  # noqa: TID251 - in a task, so virtual

    task = define(app, body)
    with Bench(app) as bench:
        task.delay()
        bench.advance(seconds=5)
    assert (tmp_path / "x").read_text() == ""


def test_a_killed_process_gives_its_locks_back(run: Run) -> None:
    import fcntl

    def body() -> None:
        held = os.open("lock", os.O_CREAT | os.O_RDWR)
        fcntl.flock(held, fcntl.LOCK_EX)
        os.mkdir("here")

    bench = run(body, lambda bench: kill(bench, "before", "file.mkdir"))
    assert told(bench) == ["file.open lock"]
    with open("lock") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
