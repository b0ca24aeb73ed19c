"""What a scenario is compared with: the real brokers, live or as recorded, and the bench."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from servers import Servers
from world import Scenario
from world_real import RealWorld

BROKERS = ("redis", "rabbitmq")
RECORDED = Path(__file__).parent / "recorded"


def plain(outcome: Any) -> Any:
    """An outcome as JSON has it, so that a recorded one and a fresh one compare."""
    return json.loads(json.dumps(outcome))


def run_for_real(scenario: Scenario, servers: Servers) -> Any:
    """Run a scenario on real servers and return what it observed."""
    with tempfile.TemporaryDirectory(prefix="conformance-") as folder, RealWorld(scenario, servers, folder) as world:
        return plain(scenario.run(world))


def run_on_bench(scenario: Scenario, broker: str) -> Any:
    """Run a scenario on a bench and return what it observed."""
    from world_bench import BenchWorld

    with BenchWorld(scenario, broker) as world:
        return plain(scenario.run(world))


def recorded(broker: str) -> dict[str, Any]:
    """What was recorded of a broker, by name of scenario."""
    return dict(_record(broker)["scenarios"])


def versions(broker: str) -> dict[str, str]:
    """The servers and libraries that all of a broker was recorded with."""
    return dict(_record(broker)["versions"])


def keep(broker: str, outcomes: dict[str, Any], versions: dict[str, str]) -> None:
    """Keep what was observed on a broker, and what it was observed with."""
    text = json.dumps({"scenarios": outcomes, "versions": versions}, indent=1, sort_keys=True)
    (RECORDED / f"{broker}.json").write_text(text + "\n")


def _record(broker: str) -> dict[str, Any]:
    path = RECORDED / f"{broker}.json"
    return dict(json.loads(path.read_text())) if path.exists() else {"scenarios": {}, "versions": {}}
