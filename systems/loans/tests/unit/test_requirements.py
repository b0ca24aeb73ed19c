"""The image of production has what the code imports: `requirements.txt` names it, or something that brings it along."""

from __future__ import annotations

import re
import sys
from importlib import metadata
from pathlib import Path

import grimp
import pytest
from django.conf import settings
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

pytestmark = pytest.mark.unit

SYSTEM = Path(__file__).parents[2]
#: Named in settings or on the command line, and imported by nobody.
BY_NAME = {"channels_redis", "psycopg", "redis", "uvicorn", "websockets"}


def closure(lines: list[str]) -> set[str]:
    """The distributions that these requirements install, with all that those require."""
    waiting, found = [Requirement(line) for line in lines], set()
    while waiting:
        requirement = waiting.pop()
        extras = requirement.extras or {""}
        name = canonicalize_name(requirement.name)
        if (name, frozenset(extras)) in found:
            continue
        found.add((name, frozenset(extras)))
        for line in metadata.requires(name) or []:
            needed = Requirement(line)
            if needed.marker is None or any(needed.marker.evaluate({"extra": extra}) for extra in extras):
                waiting.append(needed)
    return {name for name, _ in found}


def imported() -> set[str]:
    """The packages of others that the code imports, or that the settings name."""
    own = sorted(path.parent.name for path in SYSTEM.glob("*/__init__.py") if path.parent.name != "tests")
    graph = grimp.build_graph(*own, include_external_packages=True, exclude_type_checking_imports=True, cache_dir=None)
    modules = {module for module in graph.modules if graph.is_module_squashed(module)}
    named = {*settings.INSTALLED_APPS, *settings.MIDDLEWARE}
    packages = {name.partition(".")[0] for name in modules | named | BY_NAME}
    return packages - set(own) - sys.stdlib_module_names


def test_requirements_cover_what_is_imported() -> None:
    lines = [line for line in (SYSTEM / "requirements.txt").read_text("utf-8").splitlines() if re.match(r"\w", line)]
    installed = closure(lines)
    homes = metadata.packages_distributions()
    missing = {
        package: homes.get(package, [])
        for package in imported()
        if not {canonicalize_name(home) for home in homes.get(package, [])} & installed
    }
    assert missing == {}


def test_requirements_need_nothing_for_tests() -> None:
    lines = [line for line in (SYSTEM / "requirements.txt").read_text("utf-8").splitlines() if re.match(r"\w", line)]
    assert closure(lines) & {"coldframe", "pytest", "factory-boy", "time-machine"} == set()
