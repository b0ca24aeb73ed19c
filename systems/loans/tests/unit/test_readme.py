"""What the README says of tasks and tests is so."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from crm_backend.queues import ROUTES

pytestmark = pytest.mark.unit

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")
TASK = re.compile(r"^\| `(?P<name>\w+\.tasks\.\w+)` \| (?P<queue>\w+) \|", re.MULTILINE)
HAZARD = re.compile(r"^\| (?P<number>\d+) \| .+ \| (?P<tests>\[.+\)) \|$", re.MULTILINE)
PROOF = re.compile(r"\[`(?P<name>test_\w+)`\]\((?P<path>[\w/.]+)\)")
LINK = re.compile(r"\]\((?P<path>[\w./]+)\)")


def test_each_task_of_ours_is_in_the_table_with_its_queue() -> None:
    ours = {name: route["queue"] for name, route in ROUTES.items() if not name.startswith("celery.")}
    assert dict(TASK.findall(README)) == ours


def test_each_of_the_37_hazards_has_a_test() -> None:
    assert [int(line["number"]) for line in HAZARD.finditer(README)] == list(range(1, 38))


@pytest.mark.parametrize(("name", "path"), PROOF.findall(README))
def test_a_test_that_is_named_is_there(name: str, path: str) -> None:
    assert f"def {name}(" in (ROOT / path).read_text("utf-8")


@pytest.mark.parametrize("path", sorted(set(LINK.findall(README))))
def test_a_link_leads_somewhere(path: str) -> None:
    assert (ROOT / path).exists()
