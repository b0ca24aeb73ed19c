"""A pool process that is killed for real, with SIGKILL on a real broker, comes to the same verdict as on the bench.

For specimens of harden, flawed and repaired, the process is killed before each line of the first task that
follows an effect.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from killing_driver import Driver
from reference import BROKERS
from servers import Servers

pytestmark = pytest.mark.conformance

#: Each with the verdicts of deaths before its lines, without those that held.
SAMPLE = {
    "ack_early": {"lost"},
    "bulk_without_transaction": {"lost"},
    "delete_before_copy": {"lost"},
    "fan_out_twice": {"duplicated"},
    "money_in_two_statements": {"diverged"},
    "retry_after_partial_batch": {"duplicated"},
    "running_for_ever": {"diverged", "lost"},
    "send_before_record": {"duplicated"},
    "told_before_done": {"lost"},
    "unique_key_missing": {"duplicated"},
}


@pytest.fixture(params=BROKERS)
def driver(request: pytest.FixtureRequest, servers_of: Callable[[str], Servers], tmp_path: Path) -> Iterator[Driver]:
    """Who has a worker on this broker, and compares."""
    with Driver(SAMPLE, servers_of(request.param).broker_url, tmp_path) as process:
        yield process


@pytest.mark.timeout(400)
def test_the_verdicts_are_the_same_wherever_a_process_is_killed(driver: Driver) -> None:
    flawed = [one for name in SAMPLE for one in driver.compare("flaw", name)]
    repaired = [one for name in SAMPLE for one in driver.compare("repair", name)]
    assert [one for one in flawed + repaired if one["for real"] != one["bench"]] == []
    broken = {name: {one["for real"] for one in flawed if one["name"] == name} - {"held"} for name in SAMPLE}
    assert broken == SAMPLE
    assert [one for one in repaired if one["for real"] != "held"] == []
    assert {one["name"] for one in repaired} == set(SAMPLE)
