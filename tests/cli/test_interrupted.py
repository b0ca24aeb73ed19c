"""Ctrl-C, SIGTERM, and a command that is killed: what is done is kept, and nothing is left behind."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Harden = Callable[..., tuple[int, int, str, str]]

IN_MEMORY = Path("/dev/shm")

SCENARIO = """
import os
import signal

import coldframe
from shop.tasks import forget, tell_once

COMMAND = os.getpid()
runs = []


@coldframe.scenario(reset=forget)
def interrupted(bench):
    runs.append(1)
    if len(runs) == {after}:
        {how}
    for name in ("ada", "bob"):
        tell_once.delay(name)
"""
CTRL_C = "os.killpg(os.getpgrp(), signal.SIGINT)"
TERMINATE = "os.kill(COMMAND, signal.SIGTERM)"
KILL = "os.kill(COMMAND, signal.SIGKILL)"


@pytest.fixture
def harden(project: Path, environment: dict[str, str]) -> Harden:
    """The command in a process group of its own; all that hold its output have ended when it returns."""

    def run(how: str, after: int, *words: str) -> tuple[int, int, str, str]:
        project.joinpath("ends.py").write_text(SCENARIO.format(how=how, after=after), "utf-8")
        command = subprocess.Popen(
            [sys.executable, "-m", "coldframe.cli", "harden", "ends:interrupted", *words],
            cwd=project,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        out, errors = command.communicate(timeout=100)
        return command.pid, command.returncode, out, errors

    return run


def assert_nothing_is_left(pid: int) -> None:
    with pytest.raises(ProcessLookupError, match="No such process"):
        os.killpg(pid, 0)
    assert list(IN_MEMORY.glob(f"coldframe-{pid}-*")) == []


@pytest.mark.parametrize("how", [CTRL_C, TERMINATE], ids=["Ctrl-C", "SIGTERM"])
@pytest.mark.parametrize("workers", ["1", "2"])
def test_what_was_done_before_the_interrupt_is_told(harden: Harden, how: str, workers: str) -> None:
    pid, code, out, errors = harden(how, 20, "--workers", workers)
    assert errors == "interrupted: what was done until then is told above\n"
    assert code == 3
    assert "ends:interrupted: " in out
    assert "ended after" in out
    assert_nothing_is_left(pid)


def test_an_interrupt_of_the_first_run_ends_with_3(harden: Harden) -> None:
    pid, code, out, _errors = harden(CTRL_C, 1)
    assert (code, out) == (3, "")
    assert_nothing_is_left(pid)


def test_processes_do_not_outlive_the_command_that_forked_them(harden: Harden) -> None:
    pid, code, _out, _errors = harden(KILL, 4, "--workers", "2")
    assert code == -9  # and the forked ones have let go of their output: they are gone
    for directory in IN_MEMORY.glob(f"coldframe-{pid}-*"):
        shutil.rmtree(directory)
