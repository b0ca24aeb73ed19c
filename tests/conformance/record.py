"""Record what real brokers do: `python record.py redis rabbitmq [--times 3] [--only PART_OF_A_NAME]`.

Writes `recorded/<broker>.json`. A scenario is kept only when every run of it came to the same. All of a file was
recorded with the versions that it names: with others, everything is recorded anew.
"""

from __future__ import annotations

import argparse
import json
import sys
import time

import catalogue
from reference import BROKERS, keep, recorded, run_for_real, versions
from servers import Servers, missing, own_database, reserved, versions_of
from world import Scenario


def is_recorded(scenario: Scenario, broker: str, *, times: int, servers: Servers) -> bool:
    """Run a scenario some times, keep what it came to if that is always the same, and tell whether it is."""
    began = time.monotonic()
    outcomes = [run_for_real(scenario, servers) for _ in range(times)]
    stable = all(outcome == outcomes[0] for outcome in outcomes)
    seconds = (time.monotonic() - began) / times
    print(f"{broker:9} {seconds:4.1f} s  {'recorded' if stable else 'NOT STABLE'}  {scenario.name}", flush=True)
    if stable:
        keep(broker, {**recorded(broker), scenario.name: outcomes[0]}, versions(broker))
    else:
        print("\n".join(json.dumps(outcome) for outcome in outcomes), flush=True)
    return stable


def record(broker: str, *, times: int, only: str, servers: Servers) -> bool:
    """Record the scenarios whose names contain `only`, forget those that are gone, and tell whether all are stable."""
    scenarios = catalogue.load()
    present = versions_of(servers)
    if versions(broker) == present:
        kept = {name: outcome for name, outcome in recorded(broker).items() if name in scenarios}
    elif only:
        sys.exit(
            f"{broker} was recorded with {versions(broker)}, and this is {present}: record it whole, without --only"
        )
    else:
        kept = {}
    keep(broker, kept, present)
    chosen = [scenario for name, scenario in scenarios.items() if only in name]
    stable = [is_recorded(scenario, broker, times=times, servers=servers) for scenario in chosen]
    return all(stable)


def main() -> int:
    """Record the brokers that are named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("brokers", nargs="+", choices=BROKERS)
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument("--only", default="")
    chosen = parser.parse_args()
    stable = []
    for broker in chosen.brokers:
        if reason := missing(broker):
            sys.exit(reason)
        with own_database() as database, reserved(broker, database) as servers:
            stable.append(record(broker, times=chosen.times, only=chosen.only, servers=servers))
    return 0 if all(stable) else 1


if __name__ == "__main__":
    sys.exit(main())
