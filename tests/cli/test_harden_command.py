"""`coldframe harden`: what it finds, what it writes, and how it ends."""

from __future__ import annotations

import json
import re
import subprocess
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from coldframe._harden.results import Result

SCHEMA = json.loads(files("coldframe._harden").joinpath("result.schema.json").read_text("utf-8"))

ONCE, TWICE = "tests.scenarios.telling:once", "tests.scenarios.telling:twice"


def write(project: Path, name: str, text: str) -> None:
    path = project / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")


def test_marked_scenarios_are_found_and_told_as_plain_text(coldframe_command: Any, project: Path) -> None:
    done = coldframe_command("harden", "--json", "out.json")
    assert (done.returncode, done.stderr) == (1, "")
    lines = [line.rstrip() for line in done.stdout.splitlines()]
    head = lines.index("place                          killed   killed")
    assert lines[head - 1] == " " * 31 + "process   node"
    assert lines[head + 1 : head + 5] == [
        "sms to ada (shop/tasks.py:15)     D       D",
        "delivery shop.tell                        .",
        "ack shop.tell                             .",
        ". held  D duplicated",
    ]
    assert "duplicated: killed after `sms to ada` (shop/tasks.py:15) and before its end: " in done.stdout
    assert f"  coldframe replay {TWICE}/2+kill-process\n" in done.stdout
    assert done.stdout.count("7 broken runs in") == 2
    assert lines[-1] == "2 scenarios hardened"
    told = json.loads((project / "out.json").read_text("utf-8"))
    jsonschema.validate(told, {**SCHEMA, "$ref": "#/$defs/file"})
    assert told["exit_code"] == 1
    assert [result["scenario"] for result in told["results"]] == [TWICE, ONCE]
    assert [Result.from_json(result).held for result in told["results"]] == [False, True]


def test_the_test_to_paste_shows_the_broken_run(coldframe_command: Any, project: Path, run_test: Any) -> None:
    printed = coldframe_command("harden", TWICE, "--fail-fast").stdout
    pasted = printed.partition("to paste:\n\n")[2].partition("\n\nended after")[0]
    assert "def test_twice_survives_2_kill_process(harden):\n    harden(twice, plan=" in pasted
    write(project, "test_pasted.py", f"{pasted}\n")
    done = run_test("test_pasted.py")
    assert done.returncode == 1, done.stdout
    assert "sms to ada happened 2 times instead of 1" in done.stdout
    assert "1 failed" in done.stdout


def test_with_promises_only_they_decide_and_all_that_holds_ends_with_0(coldframe_command: Any) -> None:
    done = coldframe_command("harden", "--only", "*:once", "--json", "-")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["results"][0]["verdicts"] == {"held": 7}
    assert f"{ONCE}: 7 broken runs in" in done.stderr


def test_entries_of_the_schedule_are_scenarios_too(coldframe_command: Any, project: Path) -> None:
    done = coldframe_command("harden", "--periodic", "--faults", "kills", "--workers", "2")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("beat:every night: 7 broken runs in")
    write(project, "tests/scenarios/telling.py", "")
    assert coldframe_command("harden", "--runs", "1").stdout.startswith("beat:every night: 1 broken runs in")


FACTORY = """import coldframe
from shop.tasks import forget

def make(task):
    def told(bench):
        task.delay("ada")
    return coldframe.scenario(reset=forget, faults="kills")(told)
"""

MADE = """from shop.tasks import tell, tell_once
from tests.scenarios.telling import once

careful, careless = make(tell_once), make(tell)
again = careful
"""


def test_scenarios_that_a_function_makes_are_told_and_replayed_by_what_they_are_bound_to(
    coldframe_command: Any, project: Path
) -> None:
    write(project, "tests/scenarios/made.py", FACTORY + MADE)
    done = coldframe_command("harden", "tests.scenarios.made", "--json", "out.json")
    assert done.returncode == 1, done.stderr
    results = json.loads((project / "out.json").read_text("utf-8"))["results"]
    assert [(result["scenario"], result["verdicts"].get("duplicated", 0)) for result in results] == [
        ("tests.scenarios.made:careful", 0),
        ("tests.scenarios.made:careless", 3),
    ]
    assert "from tests.scenarios.made import careless\n\n\ndef test_careless_survives_2_kill_process" in done.stdout
    assert "  coldframe replay tests.scenarios.made:careless/2+kill-process\n" in done.stdout
    done = coldframe_command("replay", "tests.scenarios.made:careless/2+kill-process")
    assert "duplicated: killed after `sms to ada`" in done.stdout, done.stderr
    done = coldframe_command("replay", "tests.scenarios.made:careful/2+kill-process")
    assert "held: killed after `sms to ada`" in done.stdout, done.stderr


def test_scenarios_that_a_function_of_another_module_makes_belong_to_the_module_that_keeps_them(
    coldframe_command: Any, project: Path
) -> None:
    write(project, "shop/making.py", FACTORY)
    write(project, "tests/scenarios/made.py", f"from shop.making import make\n{MADE}")
    done = coldframe_command("harden", "tests.scenarios.made", "--only", "careless", "--fail-fast")
    assert done.stdout.startswith("tests.scenarios.made:careless: "), done.stderr
    assert "duplicated" in coldframe_command("replay", "tests.scenarios.made:careless/2+kill-process").stdout


def test_an_entry_that_a_module_of_tasks_adds_is_found_by_its_name_too(coldframe_command: Any, project: Path) -> None:
    app = (project / "shop/celery.py").read_text("utf-8")
    *others, schedule = app.splitlines(keepends=True)
    assert schedule.startswith("app.conf.beat_schedule = ")
    write(project, "shop/celery.py", "".join(others))
    write(project, "shop/tasks.py", (project / "shop/tasks.py").read_text("utf-8") + schedule)
    write(project, "tests/scenarios/telling.py", "")
    done = coldframe_command("harden", "beat:every night", "--faults", "kills")
    assert done.stdout.startswith("beat:every night: 7 broken runs in"), done.stderr
    told = coldframe_command("harden", "--periodic", "--faults", "kills").stdout
    assert told.startswith("beat:every night: 7 broken runs in")
    done = coldframe_command("replay", "beat:every night/2+kill-process")
    assert "held: killed after `sms to ada`" in done.stdout, done.stderr


def test_tasks_that_do_not_import_are_told_in_words(coldframe_command: Any, project: Path) -> None:
    app = (project / "shop/celery.py").read_text("utf-8")
    write(project, "shop/celery.py", app.replace('include=["shop.tasks"]', 'include=["shop.taks"]'))
    for words in (["--periodic"], ["beat:every night"], [ONCE]):
        done = coldframe_command("harden", *words)
        assert done.returncode == 2, done.stdout
        assert (
            "the tasks of the app 'shop' do not import: ModuleNotFoundError: No module named 'shop.taks'" in done.stderr
        )
        assert "Traceback" not in done.stderr


def test_a_budget_that_ends_is_told_and_no_failure_unless_a_scenario_was_not_run_at_all(coldframe_command: Any) -> None:
    done = coldframe_command("harden", ONCE, "--runs", "2")
    assert done.returncode == 0
    assert "ended after 2 of 7 plans" in done.stdout
    done = coldframe_command("harden", "--budget", "1ms", "--only", "once", "--only", "twice")
    assert done.returncode == 3
    assert f"not run: {ONCE}" in done.stdout


def test_in_brief_a_scenario_that_held_is_told_in_a_line(coldframe_command: Any) -> None:
    told = coldframe_command("harden", ONCE, "--brief").stdout.splitlines()
    assert len(told) == 1
    assert re.fullmatch(rf"{re.escape(ONCE)}: 7 broken runs in \d+\.\d s: 7 held", told[0])
    told = coldframe_command("harden", ONCE, "--brief", "--runs", "2").stdout.splitlines()
    assert re.fullmatch(rf"{re.escape(ONCE)}: 2 of 7 broken runs in \d+\.\d s: 2 held", told[0])
    assert "D duplicated" in coldframe_command("harden", TWICE, "--brief").stdout


def test_a_set_has_the_same_order_in_each_process(coldframe_command: Any, project: Path) -> None:
    names = {f"somebody-{number}" for number in range(8)}
    write(
        project,
        "tests/scenarios/many.py",
        f"""import coldframe
from shop.tasks import forget, tell_once

@coldframe.scenario(reset=forget, faults="kills", runs=1)
def many(bench):
    for name in {names}:
        tell_once.delay(name)
""",
    )
    told = [json.loads(coldframe_command("harden", "tests.scenarios.many", "--json", "-").stdout) for _ in range(2)]
    first, second = (one["results"][0]["places"] for one in told)
    assert first == second
    assert len(first) == 8


def test_what_tasks_print_is_not_told(coldframe_command: Any) -> None:
    assert "telling ada" not in coldframe_command("harden", TWICE, "--runs", "1").stdout


ERRORS = [
    (["tests.scenarios.telling:onse"], "did you mean tests.scenarios.telling:once?"),
    (["tests.scenarios.tellin:once"], "'tests.scenarios.tellin:once' does not import: ModuleNotFoundError"),
    (["shop.tasks"], "there is no scenario in 'shop.tasks'"),
    (["beat:every nigt"], "the beat schedule has no entry 'every nigt'\n  hint: did you mean 'every night'?"),
    (["nowhere.py"], "there is no file 'nowhere.py'"),
    (["shop.tasks:told"], "'shop.tasks:told' is no function: set()"),
    (["--only", "nothing"], "no scenario fits --only nothing"),
    (["--periodic", ONCE], "scenarios are named, and --periodic is given, too"),
    (["--budget", "soon"], "'soon' is no span of time\n  hint: write it as 30s, 5m or 1.5h"),
    (["--faults", "kill"], "there is no family of faults 'kill'"),
    (["--dask", "tcp://127.0.0.1:1"], "--dask tcp://127.0.0.1:1: "),
    (["--since", "HEAD"], "--since HEAD: fatal: not a git repository"),
    (["--json", "tests"], "--json tests is a directory"),
    (["--json", "no/where.json"], "--json no/where.json: there is no directory no"),
    (["--app", "shop:nothing"], "'shop:nothing' names no Celery app"),
    (["tests.scenarios.telling:fails"], ", in fails\n    tell_once.delay()"),
]


@pytest.mark.parametrize(("words", "said"), ERRORS, ids=[" ".join(words) for words, _said in ERRORS])
def test_an_error_is_told_in_words_and_ends_with_2(coldframe_command: Any, words: list[str], said: str) -> None:
    done = coldframe_command("harden", *words)
    assert done.returncode == 2, done.stdout
    assert done.stderr.startswith("error: ")
    assert said in done.stderr
    assert "\n  hint: " in done.stderr
    assert "src/coldframe" not in done.stderr


def test_one_scenario_that_cannot_be_hardened_does_not_keep_the_others(coldframe_command: Any, project: Path) -> None:
    done = coldframe_command("harden", "tests.scenarios.telling:fails", ONCE, "--json", "out.json")
    assert done.returncode == 2
    assert "1 scenario hardened, 1 could not be" in done.stdout
    told = json.loads((project / "out.json").read_text("utf-8"))
    jsonschema.validate(told, {**SCHEMA, "$ref": "#/$defs/file"})
    (error,) = told["errors"]
    assert error["scenario"] == "tests.scenarios.telling:fails"
    assert error["message"].startswith("tests.scenarios.telling:fails raised TypeError: tell_once() missing 1 required")


def git(project: Path, *words: str) -> None:
    author = ["-c", "user.name=Ada", "-c", "user.email=ada@example.com"]
    subprocess.run(["git", *author, *words], cwd=project, check=True, capture_output=True)


def test_since_a_commit_only_what_has_changed_is_run(coldframe_command: Any, project: Path) -> None:
    git(project, "init", "-q")
    git(project, "add", ".")
    git(project, "commit", "-qm", "all")
    done = coldframe_command("harden", "--since", "HEAD", "--runs", "1")
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"not run: {TWICE}, {ONCE}\n"
    write(project, "tests/scenarios/more.py", (project / "tests/scenarios/telling.py").read_text("utf-8"))
    done = coldframe_command("harden", "--since", "HEAD", "--runs", "1")
    assert done.stdout.endswith(f"not run: {TWICE}, {ONCE}\n2 scenarios hardened\n")
    tasks = (project / "shop/tasks.py").read_text("utf-8")
    write(project, "shop/tasks.py", tasks + "\n# changed\n")
    done = coldframe_command("harden", "--since", "HEAD", "--runs", "1", "tests.scenarios.telling")
    assert done.stdout.count("1 broken runs in") == 2
