"""What a failed test looks like: the first screen names the mistake and the next step."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

SNAPSHOTS = Path(__file__).parent / "snapshots"

#: What the first screen must say of each mistake: what is wrong, and what to do.
SAID = {
    "test_never_ran": ["1 task was sent and never run", "bench.drain()"],
    "test_never_ran_and_asserted": [
        "it was sent but has not run: it waits in 'celery'",
        "bench.settle() or bench.drain()",
    ],
    "test_ran_on_another_queue": ["waits in queue 'mail', which no node reads: shop.receipt", "correct the route"],
    "test_waits_for_another_queue": [
        "task shop.receipt waits in queue 'mail', which no node reads",
        "correct the route",
    ],
    "test_retried_for_ever": ["shop.poll [d0e571bf] is tried again for ever", "give it a max_retries"],
    "test_argument_is_not_serializable": ["Object of type Order is not JSON serializable", "pass the id of an object"],
    "test_wrong_eta": ["right task, eta 30 min later: 2026-01-05 10:00:00+00:00", "bench.queued() lists"],
    "test_chord_is_stuck": ["shop.receipt, a member of its group or chord, waits in queue 'mail'", "correct the route"],
    "test_revoked": ["'celery' gave it up without running it: revoked", "look for revoke(...)"],
    "test_expired": ["'celery' gave it up without running it: expired", "expire it later"],
    "test_expired_result": ["TaskRevokedError: expired", "the timeline tells which"],
    "test_not_registered": [
        "task 'shop.chrage', which its app does not know (NotRegistered)",
        "mean 'shop.charge'?",
    ],
    "test_callback_fails": ["shop.thank", "KeyError('customer')", "it was sent by task shop.charge", "expect_failure"],
    "test_errback_fails": ["errback shop.on_error of task shop.charge", "KeyError('order')", "mend the errback"],
    "test_task_fails": ["task shop.charge", "ValueError('no money for order 7')", "shop.py", "expect_failure"],
    "test_result_of_a_task_that_fails": [
        "ValueError: no money for order 7",
        "it failed in task shop.charge",
        "shop.py",
    ],
    "test_several_things_at_once": [
        "in queue 'mail', which no node reads",
        "and NeverRun: 1 task was sent and never run",
    ],
    "test_misspelt_keyword": ["has no keyword 'strat'", "did you mean 'start'?"],
}
SCREEN = 24
#: What pytest says of itself, and nobody else's code.
NOISE = ("site-packages", "coldframe/_", "coldframe/testing", "pluggy", "_pytest")


def blocks(output: str) -> dict[str, str]:
    """The failures in the output of pytest, by test."""
    body = output.partition(" ERRORS ==")[2] or output.partition(" FAILURES ==")[2]
    body = body.partition("short test summary info")[0]
    parts = re.split(r"(?m)^_{3,} (?:ERROR at setup of )?(\S+) _{3,}$", body)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def normalised(output: str, path: Path) -> str:
    text = output.replace(str(path), "PROJECT")
    text = re.sub(r"(?m)^=+ (.*?) =+$", r"=== \1", text)
    text = re.sub(r"(?m)^(_|-)+ (.*?) (_|-)+$", r"--- \2", text)
    return "\n".join(line.rstrip() for line in text.splitlines()) + "\n"


def test_ten_typical_mistakes(run_pytest, pytester: pytest.Pytester) -> None:
    result = run_pytest("shop", "check_mistakes.py", "-p", "no:logging", "-p", "no:cacheprovider")
    output = result.stdout.str()
    result.assert_outcomes(failed=17, errors=1)
    failures = blocks(output)
    assert failures.keys() == SAID.keys()
    for name, said in SAID.items():
        first_screen = "\n".join(failures[name].splitlines()[:SCREEN])
        assert [words for words in said if words not in first_screen] == [], first_screen
        assert [words for words in NOISE if words in failures[name]] == [], failures[name]
        if name != "test_misspelt_keyword":
            assert "coldframe timeline (last 25 events)" in failures[name]
            assert f"replay: pytest check_mistakes.py::{name}\n" in failures[name]
    body = output.partition(" ERRORS ==")[2].partition("short test summary info")[0]
    compare("mistakes.txt", normalised(body, pytester.path))


def compare(name: str, text: str) -> None:
    """Compare with a snapshot; with UPDATE_SNAPSHOTS=1, write it."""
    path = SNAPSHOTS / name
    if os.environ.get("UPDATE_SNAPSHOTS"):
        path.write_text(text, "utf-8")
    assert text == path.read_text("utf-8"), f"{name} differs; look at it, then run this test with UPDATE_SNAPSHOTS=1"


def test_a_unittest_class_has_the_story_too_and_a_replay_says_what_the_command_line_said(run_pytest) -> None:
    result = run_pytest(
        *("shop", "check_failing_unittest.py", "-p", "no:logging"),
        *("--coldframe-seed=7", "--coldframe-profile=rabbitmq"),
    )
    result.assert_outcomes(passed=1, failed=4)
    failures = blocks(result.stdout.str())
    replay = (
        "replay: pytest check_failing_unittest.py::FixtureTest::test_{} --coldframe-seed=7 --coldframe-profile=rabbitmq"
    )
    assert replay.format("wrong") in failures["FixtureTest.test_wrong"]
    assert replay.format("undrained") in failures["FixtureTest.test_undrained"]
    assert "AssertionError: 'paid 7' != 'lost'" in failures["FixtureTest.test_wrong"]
    assert "1 task was sent and never run" in failures["FixtureTest.test_undrained"]
    assert "charge  succeeded → 'paid 7'" in failures["FixtureTest.test_wrong"]
    assert "right task, other arguments" in failures["BenchTest.test_wrong"]
    assert "coldframe timeline (last 25 events)" in failures["BenchTest.test_wrong"]
    assert "1 task was sent and never run" in failures["BenchTest.test_undrained"]


@pytest.mark.parametrize("style", ["--tb=short", "--tb=native", "--tb=line", "--full-trace"])
def test_every_style_of_traceback_names_the_mistake(run_pytest, style: str) -> None:
    result = run_pytest(
        "shop", "check_mistakes.py", style, "-k", "never_ran or callback or several", "-p", "no:logging"
    )
    result.assert_outcomes(failed=4, deselected=14)
    output = result.stdout.str()
    assert "1 task was sent and never run" in output
    assert "KeyError('customer')" in output
