"""All scenarios: every module beside this one whose name starts with `scenarios_`."""

from __future__ import annotations

import importlib
from pathlib import Path

from world import SCENARIOS, Scenario


def load() -> dict[str, Scenario]:
    """Import every module of scenarios, and return the scenarios by name."""
    for module in sorted(Path(__file__).parent.glob("scenarios_*.py")):
        importlib.import_module(module.stem)
    return SCENARIOS
