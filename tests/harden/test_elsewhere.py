"""Broken runs in other processes: forked ones, and those of any executor."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from celery import Celery

from coldframe import SetupError, harden
from coldframe._harden.results import Result
from coldframe.errors import ScenarioError

SHOP = Path(__file__).parents[1] / "cli" / "projects" / "shop"

SCRIPT = """
import multiprocessing
import sys
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

sys.path.insert(0, {shop!r})

import coldframe

if __name__ == "__main__":
    from tests.scenarios import telling

    made = {{
        "spawned": lambda: ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")),
        "threads": lambda: ThreadPoolExecutor(2),
    }}
    with made[sys.argv[1]]() as executor:
        result = coldframe.harden(telling.twice, app="shop.celery:app", executor=executor)
        print([(report.id, report.verdict) for report in result.reports])
        if sys.argv[1] == "spawned":
            telling.tell_once = telling.tell
            try:
                coldframe.harden(telling.unmarked, app="shop.celery:app", executor=executor)
            except coldframe.errors.ScenarioError as error:
                print(error)
"""


def facts(result: Result) -> list[tuple[str, str, str]]:
    return [(report.id, report.verdict, report.story) for report in result.reports]


def test_forked_processes_find_what_one_process_finds_in_the_same_order(app: Celery, tell: Any) -> None:
    options: dict[str, Any] = {"app": app, "name": "tell", "faults": "kills,twice,pairs"}
    here = harden(lambda bench: tell.delay("ada", key="ada-1"), **options)
    there = harden(lambda bench: tell.delay("ada", key="ada-1"), workers=2, **options)
    assert facts(there) == facts(here)
    assert here.complete
    assert there.complete


def test_a_limit_ends_forked_processes_too(app: Celery, tell: Any) -> None:
    result = harden(lambda bench: tell.delay("ada", key="1"), app=app, workers=2, runs=3)
    assert (len(result.reports), result.complete) == (3, False)


def test_a_forked_process_that_dies_is_told_with_its_plan(app: Celery, tell: Any) -> None:
    here = os.getpid()

    def dies(bench: object) -> None:
        if os.getpid() != here:
            os.kill(os.getpid(), signal.SIGKILL)
        tell.delay("ada", key="1")

    with pytest.raises(ScenarioError, match=r"a process ended while it ran the plan \d+[-+]kill"):
        harden(dies, app=app, workers=2, faults="kills")


@pytest.mark.parametrize("kind", ["spawned", "threads"])
def test_an_executor_finds_what_one_process_finds(tmp_path: Path, kind: str) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT.format(shop=str(SHOP)), "utf-8")
    done = subprocess.run(
        [sys.executable, "-W", "ignore", str(script), kind],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    found = [line for line in done.stdout.splitlines() if not line.startswith("telling ")]
    assert found[0].count("'duplicated'") == 3
    assert found[0].count("'held'") == 4
    if kind == "spawned":
        assert found[1:] == [
            (
                "tests.scenarios.telling:unmarked is another scenario in another process: "
                "place 1 is delivery shop.tell_once there, and delivery shop.tell here"
            ),
            "  hint: rows that a test made stay in its process: make them in setup=..., or use workers=N",
        ]


def test_what_has_no_name_cannot_go_to_an_executor(app: Celery, tell: Any) -> None:
    with (
        ThreadPoolExecutor(1) as executor,
        pytest.raises(
            SetupError, match=r"the scenario '.*<lambda>' has no name by which another process could import it"
        ),
    ):
        harden(lambda bench: tell.delay("ada"), app=app, executor=executor)
