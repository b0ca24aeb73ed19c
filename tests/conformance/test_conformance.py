"""Each scenario comes to the same on the bench as on a real worker with a real broker.

The bench is compared with what was recorded of the real brokers, which needs no server; that the recording is
true is checked against the servers themselves. `record.py` records anew.
"""

from __future__ import annotations

from collections.abc import Callable

import catalogue
import celery
import pytest
from reference import BROKERS, recorded, run_for_real, run_on_bench
from servers import Servers
from world import Scenario

SCENARIOS = catalogue.load()
RECORDED = {broker: recorded(broker) for broker in BROKERS}

#: What came out otherwise before a release of Celery; the recordings are of 5.7.
CHANGED_IN = {
    "a_held_task_that_is_revoked_does_not_run": (5, 6),
    "a_hard_time_limit_kills_the_process": (5, 7),
    "a_late_ack_task_over_its_hard_time_limit_is_not_run_again": (5, 7),
    "a_process_over_its_hard_time_limit_still_runs_its_finally": (5, 7),
    "a_rejected_task_without_requeue_is_gone": (5, 7),
}
RELEASE = (celery.VERSION.major, celery.VERSION.minor)

each_broker = pytest.mark.parametrize("broker", BROKERS)
each_scenario = pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=SCENARIOS)


@each_broker
@each_scenario
def test_the_bench_does_what_was_recorded_of_the_broker(scenario: Scenario, broker: str) -> None:
    if CHANGED_IN.get(scenario.name, RELEASE) > RELEASE:
        pytest.skip(f"Celery {celery.__version__} does otherwise than the recorded 5.7")
    assert run_on_bench(scenario, broker) == RECORDED[broker][scenario.name]


@pytest.mark.conformance
@each_broker
@each_scenario
def test_the_broker_still_does_what_was_recorded(
    scenario: Scenario, broker: str, servers_of: Callable[[str], Servers]
) -> None:
    assert run_for_real(scenario, servers_of(broker)) == RECORDED[broker][scenario.name]


@each_scenario
def test_the_brokers_agree_where_the_scenario_says_so(scenario: Scenario) -> None:
    redis, rabbitmq = (RECORDED[broker][scenario.name] for broker in BROKERS)

    assert (redis == rabbitmq) is scenario.brokers_agree


@each_broker
def test_nothing_is_recorded_of_scenarios_that_are_gone(broker: str) -> None:
    assert sorted(RECORDED[broker]) == sorted(SCENARIOS)
