"""Programs that a task starts."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from celery import Celery

from coldframe import Bench

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1]))

from process_state import nothing_left
from watching import answer, define, error_of, kill, outcomes, run, told, touched

ECHO = ["/bin/echo", "hello world"]


def by_run() -> int:
    return subprocess.run(ECHO, check=False, stdout=subprocess.DEVNULL).returncode


def by_checked_run() -> int:
    return subprocess.run(args=ECHO, check=True, capture_output=True).returncode


def by_call() -> int:
    return subprocess.call(ECHO, stdout=subprocess.DEVNULL)


def by_check_call() -> int:
    return subprocess.check_call(ECHO, stdout=subprocess.DEVNULL)


def by_check_output() -> int:
    assert subprocess.check_output(ECHO, text=True) == "hello world\n"
    return 0


def by_popen() -> int:
    with subprocess.Popen(ECHO, stdout=subprocess.DEVNULL) as process:
        assert process.args == ECHO
    return process.returncode


def by_coroutine() -> int:
    async def start() -> int:
        process = await asyncio.create_subprocess_exec(*ECHO, stdout=asyncio.subprocess.PIPE)
        await process.communicate()
        assert process.returncode is not None
        return process.returncode

    return asyncio.run(start())


def by_system() -> int:
    return os.waitstatus_to_exitcode(os.system("/bin/echo 'hello world' > /dev/null"))


def by_shell() -> int:
    return subprocess.run("/bin/echo 'hello world' > /dev/null", shell=True, check=False).returncode


def by_coroutine_shell() -> int:
    async def start() -> int:
        process = await asyncio.create_subprocess_shell("/bin/echo 'hello world' > /dev/null")
        return await process.wait()

    return asyncio.run(start())


PLAIN = [by_run, by_checked_run, by_call, by_check_call, by_check_output, by_popen, by_coroutine]
IN_SHELL = [by_system, by_shell, by_coroutine_shell]


@pytest.mark.parametrize("body", [*PLAIN, *IN_SHELL])
def test_a_program_is_an_effect(app: Celery, body: Callable[[], int]) -> None:
    bench = run(app, body)
    assert error_of(bench) is None
    (event,) = touched(bench)
    line = "/bin/echo 'hello world'" + (" > /dev/null" if body in IN_SHELL else "")
    assert (event.effect, event.what, event.outcome) == ("subprocess.run", line, "done")
    assert event.details == {"command": line}
    assert event.failures == ("not found", "exit status")
    assert event.where.startswith("tests/bench/effects/test_subprocess_effects.py:")


def test_input_and_directory_are_details_without_temporary_directories(app: Celery, tmp_path: Path) -> None:
    def body() -> None:
        (tmp_path / "in").mkdir()
        subprocess.run(["cat", str(tmp_path / "x")], cwd=tmp_path / "in", input="y", text=True, check=False)

    (tmp_path / "x").write_text("x")
    (event,) = touched(run(app, body), "subprocess.run")
    assert event.details == {"command": "cat x", "cwd": "in", "input": "y"}
    (event,) = touched(run(app, lambda: subprocess.call(Path("/bin/true"))))
    assert event.what == "/bin/true"


@pytest.mark.parametrize("body", PLAIN)
def test_a_program_may_not_be_there(app: Celery, body: Callable[[], int]) -> None:
    bench = run(app, body, lambda bench: answer(bench, "subprocess.run", "not found"))
    error = error_of(bench)
    assert isinstance(error, FileNotFoundError)
    assert error.filename == "/bin/echo"
    assert touched(bench)[0].outcome == "failed"


@pytest.mark.parametrize("body", [by_run, by_call, by_popen, by_coroutine, *IN_SHELL])
def test_a_program_may_leave_with_a_status(app: Celery, body: Callable[[], int]) -> None:
    task = define(app, body)
    with Bench(app) as bench:
        answer(bench, "subprocess.run", "exit status")
        assert task.delay().get() == 1


@pytest.mark.parametrize("body", IN_SHELL)
def test_a_shell_leaves_with_127_if_there_is_no_such_program(app: Celery, body: Callable[[], int]) -> None:
    task = define(app, body)
    with Bench(app) as bench:
        answer(bench, "subprocess.run", "not found")
        assert task.delay().get() == 127


@pytest.mark.parametrize("body", [by_checked_run, by_check_call, by_check_output])
def test_who_checks_the_status_gets_an_error(app: Celery, body: Callable[[], int]) -> None:
    error = error_of(run(app, body, lambda bench: answer(bench, "subprocess.run", "exit status")))
    assert isinstance(error, subprocess.CalledProcessError)
    assert (error.returncode, error.cmd) == (1, ECHO)


@pytest.mark.parametrize(("place", "is_made"), [("before", False), ("after", True)])
@pytest.mark.parametrize("how", [subprocess.run, subprocess.check_call])
def test_a_process_that_dies_there_has_run_it_or_not(
    app: Celery, tmp_path: Path, place: str, is_made: bool, how: Callable[..., Any]
) -> None:
    def body() -> None:
        how(["touch", str(tmp_path / "x")])

    bench = run(app, body, lambda bench: kill(bench, place, "subprocess.run"))
    assert outcomes(bench) == ["LOST"]
    assert (tmp_path / "x").exists() is is_made


def test_nothing_is_recorded_outside_of_tasks(app: Celery) -> None:
    with Bench(app) as bench:
        assert by_run() == by_popen() == by_system() == 0
    assert touched(bench) == []


def test_functions_that_were_imported_by_name_are_watched(app: Celery) -> None:
    globals()["captured"] = subprocess.check_output

    def body() -> None:
        globals()["captured"](ECHO)

    assert told(run(app, body)) == ["subprocess.run /bin/echo 'hello world'"]


def test_everything_is_put_back(app: Celery) -> None:
    def state() -> list[int]:
        functions = (subprocess.run, subprocess.call, subprocess.check_call, subprocess.check_output, os.system)
        return [id(function) for function in (*functions, subprocess.Popen.__init__)]

    before = state()
    with nothing_left(), Bench(app):
        assert state() != before
    assert state() == before
