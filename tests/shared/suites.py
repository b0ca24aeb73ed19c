"""The suites of other projects, each run by pytest in a process of its own.

No plugin is loaded but ours and those that are named: to import all that this project is developed with takes
seconds, for each of them.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import coldframe

SOURCE = Path(coldframe.__file__).parents[1]
NOTHING: Mapping[str, str] = {}


def run_suite(
    project: Path, *options: str, plugins: Sequence[str] = (), environment: Mapping[str, str] = NOTHING
) -> subprocess.CompletedProcess[str]:
    """Run pytest in the directory of a project, with nothing of this very test run in its environment.

    Args:
        project: The directory.
        options: For pytest.
        plugins: Those that the suite needs, by the names of their entry points.
        environment: More variables.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("DJANGO", "PYTEST"))}
    named = [word for plugin in ("coldframe.pytest_plugin", *plugins) for word in ("-p", plugin)]
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *named, *options],
        cwd=project,
        env={**kept, "PYTHONPATH": str(SOURCE), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", **environment},
        check=False,
        capture_output=True,
        text=True,
        timeout=110,
    )
