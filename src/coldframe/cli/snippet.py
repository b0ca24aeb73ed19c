"""A broken run as a test to paste: it fails until the run holds, and keeps it so."""

from __future__ import annotations

import re
from typing import Any

from coldframe._celery.apps import find_app
from coldframe._celery.schedule import call_of_entry
from coldframe._harden.finding import Found
from coldframe._harden.periodic import PREFIX, PeriodicTask
from coldframe._harden.project import uses_django
from coldframe._harden.results import Result
from coldframe._harden.scenario import name_of


def pasteable(result: Result, scenario: Found, app: Any, seed: Any) -> str:
    """The simplest run that broke, as a pytest function; nothing if all held."""
    if not result.causes:
        return ""
    plan = result.causes[0].simplest.id.rpartition("/")[2]
    play = scenario.play
    if isinstance(play, PeriodicTask):
        imports, call = _periodic(play, app, seed)
    else:
        module, _, function = scenario.name.partition(":")
        imports, call = [f"from {module} import {function}"], function
    lines = [*_marker_import(), *imports, "", "", *_marker(), f"def {_title(scenario.name, plan)}(harden):"]
    return "\n".join([*lines, f'    harden({call}, plan="{plan}")']).lstrip("\n")


def _periodic(play: PeriodicTask, app: Any, seed: Any) -> tuple[list[str], str]:
    call = f"lambda bench: {call_of_entry(find_app(app), play.entry)}"
    if seed is None:
        return [], call
    module, _, function = name_of(seed).partition(":")
    return [f"from {module} import {function}"], f"{call}, setup={function}"


def _title(name: str, plan: str) -> str:
    words = [name.removeprefix(PREFIX).rpartition(":")[2] if not name.startswith(PREFIX) else name, "survives", plan]
    return "test_" + re.sub(r"\W+", "_", "_".join(words)).strip("_").lower()


def _marker_import() -> list[str]:
    return ["import pytest"] if uses_django() else []


def _marker() -> list[str]:
    if not uses_django():
        return []
    from django.db import connections

    servers = any(connection.vendor != "sqlite" for connection in connections.all())
    return ["@pytest.mark.django_db(transaction=True)" if servers else "@pytest.mark.django_db"]
