"""Finds the scenario of an id, and runs it broken in exactly that way."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from importlib.util import find_spec
from typing import Any

import click

from coldframe._harden.calling import prepare
from coldframe._harden.debugging import PATIENCE_S, stops_before
from coldframe._harden.finding import find
from coldframe._harden.names import import_name
from coldframe._harden.periodic import PREFIX
from coldframe._harden.plans import plan_from_text
from coldframe._harden.project import clean_databases, temporary_databases
from coldframe._harden.replaying import replay, split_id
from coldframe.cli.exits import BROKEN, ENDED_EARLY, ERROR, HELD
from coldframe.cli.interrupts import Interrupts
from coldframe.cli.project import open_project
from coldframe.cli.quiet import quiet
from coldframe.errors import SetupError

#: What pytest's exit codes mean here: passed, failed, interrupted. All others are errors.
OF_PYTEST = {0: HELD, 1: BROKEN, 2: ENDED_EARLY}


def run(
    *,
    run_id: str,
    timeline: bool,
    debug: bool,
    pytest_options: tuple[str, ...],
    app: str | None,
    django_settings: str | None,
    seed_with: str | None,
) -> int:
    """Do what `coldframe replay` was asked for; the exit code."""
    name, plan = split_id(run_id)
    if "::" in name:
        return _in_pytest(name, plan, [*pytest_options, *_passed_on(app, timeline=timeline, debug=debug)])
    with Interrupts(), quiet():
        try:
            return _here(name, plan, app, django_settings, seed_with, timeline=timeline, debug=debug)
        except KeyboardInterrupt:
            click.echo("interrupted", err=True)
            return ENDED_EARLY


def _here(
    name: str, plan: str, app: str | None, settings: str | None, seed_with: str | None, *, timeline: bool, debug: bool
) -> int:
    project = open_project(app, settings)
    scenario, *others = find([name])
    if others:
        raise SetupError(
            f"{name!r} names {len(others) + 1} scenarios, and an id names one",
            hint=f"copy the whole id from the report: it begins like {scenario.name}/",
        )
    said: dict[str, Any] = {**project.options, **scenario.said, "name": scenario.name}
    if app is not None or "app" not in said:
        said["app"] = project.app
    if scenario.name.startswith(PREFIX) and seed_with:
        said["setup"] = import_name(seed_with)
    if debug:
        said["stuck_after"] = PATIENCE_S
    steps = plan_from_text(plan)
    with temporary_databases(), clean_databases():
        watch = stops_before(steps, click.echo) if debug else None
        done = replay(prepare(scenario.play, **said), steps, watch)
    click.echo(done.told(whole=timeline))
    return HELD if done.held else BROKEN


def _passed_on(app: str | None, *, timeline: bool, debug: bool) -> list[str]:
    words = [f"--coldframe-app={app}"] if app else []
    words += ["--coldframe-timeline"] if timeline else []
    return [*words, "--coldframe-pdb"] if debug else words


def _in_pytest(name: str, plan: str, options: list[str]) -> int:
    """The scenario is inside a test: what the test makes before is part of it."""
    test, _, number = name.partition("#")
    words = [sys.executable, "-m", "pytest", "-q", "-s", test, *options]
    if find_spec("xdist") is not None and "PYTEST_DISABLE_PLUGIN_AUTOLOAD" not in os.environ:
        words.append("-n0")  # what it prints must not go to another process
    words.append(f"--coldframe-replay={f'#{number}/' if number else ''}{plan}")
    before = signal.signal(signal.SIGINT, lambda number, frame: None)  # pytest gets it, too, and ends in order
    try:
        done = subprocess.run(words, env={**os.environ, "PYTEST_TIMEOUT": "0"}, check=False)  # noqa: S603
    finally:
        signal.signal(signal.SIGINT, before)
    return OF_PYTEST.get(done.returncode, ERROR)
