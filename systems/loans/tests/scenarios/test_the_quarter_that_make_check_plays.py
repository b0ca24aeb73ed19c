"""`python -m tests.quarter` says which promises were held, and would say which were not."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.quarter.promises import Verdict, compare

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_all_its_promises_are_held_and_told() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.quarter"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "8 of 8 promises held." in done.stdout
    assert "27 Mar 07:00  mail to eun-ji.park@example.com: URGENT: 7 Days OVERDUE Repayment" in done.stdout


def test_what_is_missing_or_too_much_breaks_a_promise() -> None:
    expected, seen = Counter({"to Ada": 1, "to Ben": 1}), Counter({"to Ada": 2})
    assert compare("each gets one", expected, seen, "letters") == Verdict(
        "each gets one", "2 letters", ("missing: to Ben", "too many: to Ada")
    )
    assert compare("each gets one", expected, expected, "letters") == Verdict("each gets one", "2 letters")
