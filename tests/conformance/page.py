"""Writes `docs/reference/conformance.md` from the catalogue, what was recorded, and `page_*.md`: `python page.py`."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import catalogue
from reference import BROKERS, recorded, versions
from world import Scenario

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "docs" / "reference" / "conformance.md"

NAMES = {"redis": "Redis", "rabbitmq": "RabbitMQ"}
PER_BROKER = re.compile(r"^(Redis|RabbitMQ): ", re.MULTILINE)
AS_WRITTEN = {"eta": "ETA", "sigkill": "SIGKILL", "finally": "`finally`", "ignore": "`Ignore`"}


def sentence(scenario: Scenario) -> str:
    """The name of a scenario as people write it."""
    words = " ".join(AS_WRITTEN.get(word, word) for word in scenario.name.split("_"))
    return words[0].upper() + words[1:]


def settings(scenario: Scenario) -> str:
    """The settings that make the behaviour, or nothing."""
    said = [
        f"`{name}`" if isinstance(value, dict) else f"`{name}={value!r}`" for name, value in scenario.config.items()
    ]
    return f" ({', '.join(said)})" if said else ""


def per_broker(scenario: Scenario) -> dict[str, str]:
    """What each broker does, where a scenario says that they differ."""
    parts = PER_BROKER.split(scenario.description)
    return {name: " ".join(text.split()).rstrip(".") for name, text in zip(parts[1::2], parts[2::2], strict=True)}


def compared_on(scenario: Scenario) -> str:
    """The brokers that a scenario was recorded on."""
    names = [NAMES[broker] for broker in BROKERS if scenario.name in recorded(broker)]
    return "both" if len(names) == len(BROKERS) else "".join(names)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table as Markdown has it."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def version_table() -> str:
    """What each broker was recorded with."""
    found = {broker: versions(broker) for broker in BROKERS}
    names = sorted({name for each in found.values() for name in each}, key=str.lower)
    rows = [[name, *(found[broker].get(name, "") for broker in BROKERS)] for name in names]
    return table(["", *(f"with {NAMES[broker]}" for broker in BROKERS)], rows)


def differences(scenarios: Iterable[Scenario]) -> str:
    """The behaviours in which the brokers differ."""
    rows = [
        [sentence(one) + settings(one), *(per_broker(one)[NAMES[broker]] for broker in BROKERS)] for one in scenarios
    ]
    return table(["behaviour", *(NAMES[broker] for broker in BROKERS)], rows)


def agreements(scenarios: Iterable[Scenario]) -> str:
    """The behaviours that are the same on both brokers, by topic."""
    topics: dict[str, list[list[str]]] = {}
    for one in scenarios:
        topic = str(sys.modules[one.run.__module__].__doc__).removeprefix("Scenarios: ").strip(".\n")
        row = [sentence(one) + settings(one), " ".join(one.description.split()), compared_on(one)]
        topics.setdefault(topic[0].upper() + topic[1:], []).append(row)
    return "\n\n".join(
        f"### {topic}\n\n{table(['behaviour', 'more exactly', 'compared on'], rows)}" for topic, rows in topics.items()
    )


def text() -> str:
    """The whole page."""
    scenarios = list(catalogue.load().values())
    agreed = [one for one in scenarios if one.brokers_agree]
    differing = [one for one in scenarios if not one.brokers_agree]
    filled = {
        "behaviours": str(len(scenarios)),
        "agree": str(len(agreed)),
        "differ": str(len(differing)),
        "versions": version_table(),
        "differences": differences(differing),
        "agreements": agreements(agreed),
        "suite": (HERE / "page_celery_suite.md").read_text("utf-8").strip(),
    }
    frame = (HERE / "page_frame.md").read_text("utf-8")
    return re.sub(r"\{(\w+)\}", lambda match: filled[match[1]], frame)


if __name__ == "__main__":
    PAGE.write_text(text(), "utf-8")
