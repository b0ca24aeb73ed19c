"""`coldframe replay`: the same run once more, its story, and the debugger in it."""

from __future__ import annotations

from typing import Any

import pytest

ONCE, TWICE = "tests.scenarios.telling:once", "tests.scenarios.telling:twice"

IN_A_TEST = """
from shop.tasks import forget, tell, tell_once


def test_telling(harden):
    harden(lambda bench: tell_once.delay("bob"), reset=forget, faults="kills")
    harden(lambda bench: tell.delay("ada"), reset=forget, faults="kills")


def test_nothing():
    pass
"""


def test_a_broken_run_is_told_around_its_fault(coldframe_command: Any) -> None:
    done = coldframe_command("replay", f"{TWICE}/2+kill-process")
    assert (done.returncode, done.stderr) == (1, "")
    lines = done.stdout.splitlines()
    assert "on purpose: kill process after sms to ada" in done.stdout
    assert lines[-3:] == [
        "duplicated: killed after `sms to ada` (shop/tasks.py:15) and before its end",
        "  sms to ada happened 2 times instead of 1",
        "  record it before sms, and look there before doing it again; or send a key that the other side knows it by",
    ]


def test_a_run_that_holds_ends_with_0_and_is_the_same_each_time(coldframe_command: Any) -> None:
    first = coldframe_command("replay", f"{ONCE}/2+kill-process", "--timeline")
    second = coldframe_command("replay", f"{ONCE}/2+kill-process", "--timeline")
    assert (first.returncode, second.returncode) == (0, 0)
    assert first.stdout == second.stdout
    assert first.stdout.endswith("\n\nheld: killed after `sms to ada` (shop/tasks.py:23) and before its end\n")


def test_a_pair_of_faults_is_replayed_as_a_pair(coldframe_command: Any) -> None:
    done = coldframe_command("replay", f"{ONCE}/2+kill-process,5+kill-process")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("on purpose: kill process") == 2


ERRORS = [
    (f"{ONCE}/99+kill-process", "does not fit any more: kill process after effect 99 never came about"),
    (f"{ONCE}/2-fail:refused", "hint: the code has changed since this id was made: run harden again for a new one"),
    (ONCE, f"{ONCE!r} is no id of a broken run: it has no plan at its end"),
    (f"{ONCE}/2+kill-proces", "there is no fault 'kill proces'\n  hint: use one of 'kill process'"),
    ("tests.scenarios.telling/2+kill-process", "'tests.scenarios.telling' names 2 scenarios, and an id names one"),
    ("tests.scenarios.telling:gone/2+kill-process", "module 'tests.scenarios.telling' has no 'gone'"),
]


@pytest.mark.parametrize(
    ("run_id", "said"),
    ERRORS,
    ids=["no such place", "no such way", "no plan", "no fault", "two scenarios", "no scenario"],
)
def test_an_id_that_does_not_fit_ends_with_2(coldframe_command: Any, run_id: str, said: str) -> None:
    done = coldframe_command("replay", run_id)
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert said in done.stderr


def test_an_entry_of_the_schedule_is_replayed_by_its_name(coldframe_command: Any) -> None:
    done = coldframe_command("replay", "beat:every night/2+kill-process")
    assert done.returncode == 0, done.stderr
    assert "held: killed after `sms to ada`" in done.stdout


def test_the_debugger_opens_in_the_task_before_the_fault_and_time_is_virtual_there(coldframe_command: Any) -> None:
    typed = "p name\nimport time; print('it is', time.time())\nw\nc\n"
    done = coldframe_command("replay", f"{TWICE}/2-kill-process", "--pdb", text=typed)
    assert "next comes: kill process before effect 2 (sms to ada)" in done.stdout
    assert "tasks.py(15)tell()\n-> with coldframe.effect(" in done.stdout
    assert "(Pdb) 'ada'" in done.stdout
    assert "(Pdb) it is 1767603600.0" in done.stdout
    assert (done.returncode, done.stderr) == (0, "")


def test_who_leaves_the_debugger_ends_the_replay(coldframe_command: Any) -> None:
    done = coldframe_command("replay", f"{TWICE}/2+kill-process", "--pdb", text="q\n")
    assert (done.returncode, done.stderr) == (3, "interrupted\n")


def test_a_fault_of_a_node_has_no_code_to_stop_in(coldframe_command: Any) -> None:
    done = coldframe_command("replay", f"{ONCE}/1-kill-node", "--pdb")
    assert "kill node before effect 1 (delivery shop.tell_once): a node does this" in done.stdout
    assert done.returncode == 0


@pytest.fixture
def in_a_test(coldframe_command: Any, project: Any) -> Any:
    project.joinpath("test_telling.py").write_text(IN_A_TEST, "utf-8")
    return lambda run_id, *words, **more: coldframe_command(
        "replay", run_id, *(f"--pytest={word}" for word in ("-p", "no:cacheprovider")), *words, **more
    )


def test_a_run_of_a_test_is_replayed_by_pytest(in_a_test: Any) -> None:
    done = in_a_test("test_telling.py::test_telling#2/2+kill-process")
    assert done.returncode == 1, done.stdout
    assert "duplicated: killed after `sms to ada` (shop/tasks.py:15) and before its end" in done.stdout
    assert "Failed: duplicated, as told above" in done.stdout
    done = in_a_test("test_telling.py::test_telling/2+kill-process")
    assert done.returncode == 0, done.stdout
    assert "held: killed after `sms to bob`" in done.stdout


def test_a_run_of_a_test_that_is_not_there_ends_with_2(in_a_test: Any) -> None:
    done = in_a_test("test_telling.py::test_telling/77+kill-process")
    assert done.returncode == 2
    assert "test_telling.py::test_telling/77+kill-process does not fit any more" in done.stdout + done.stderr
    done = in_a_test("test_telling.py::test_nothing/2+kill-process")
    assert done.returncode == 2
    assert "nothing was replayed: the test did not come to this call of harden" in done.stdout


def test_the_debugger_opens_inside_a_test_as_well(in_a_test: Any) -> None:
    done = in_a_test("test_telling.py::test_telling#2/2+kill-process", "--pdb", text="p 'here', name\nc\n")
    assert "(Pdb) ('here', 'ada')" in done.stdout
    assert done.returncode == 1
