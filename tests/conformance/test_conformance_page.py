"""The page about conformance says what the catalogue and the recordings say."""

from __future__ import annotations

import catalogue
import page
import pytest
from reference import BROKERS, versions
from world import Scenario

SCENARIOS = catalogue.load()


def test_the_page_is_up_to_date() -> None:
    assert page.PAGE.read_text("utf-8") == page.text(), "run: python tests/conformance/page.py"


def test_the_page_has_every_behaviour_once() -> None:
    rows = [line for line in page.text().splitlines() if line.startswith("| A")]
    assert len(rows) == len(set(rows))
    assert len(SCENARIOS) >= 60
    text = page.text()
    assert [name for name, scenario in SCENARIOS.items() if f"| {page.sentence(scenario)} " not in text] == []


@pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=SCENARIOS)
def test_a_scenario_says_what_each_broker_does_where_they_differ(scenario: Scenario) -> None:
    assert list(page.per_broker(scenario)) == ([] if scenario.brokers_agree else ["Redis", "RabbitMQ"])


@pytest.mark.parametrize("broker", BROKERS)
def test_a_recording_names_what_it_was_made_with(broker: str) -> None:
    needed = {"redis": set(), "rabbitmq": {"amqp", "RabbitMQ server"}}[broker]
    assert {"billiard", "celery", "kombu", "redis-py", "Redis server"} | needed == set(versions(broker))
