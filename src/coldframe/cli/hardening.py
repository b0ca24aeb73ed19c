"""Runs the scenarios that were asked for, one after the other, within one budget."""

from __future__ import annotations

import json
import traceback
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click

from coldframe._core.clock import real_monotonic
from coldframe._effects.users_code import users_file
from coldframe._harden.calling import prepare
from coldframe._harden.finding import DIRECTORY, Found, find, find_marked, only
from coldframe._harden.names import import_name
from coldframe._harden.options import to_seconds
from coldframe._harden.periodic import PREFIX, periodic_tasks
from coldframe._harden.project import clean_databases, temporary_databases
from coldframe._harden.results import VERSION, Result
from coldframe.cli.dask import cluster
from coldframe.cli.exits import BROKEN, ENDED_EARLY, ERROR, HELD, tell
from coldframe.cli.interrupts import Interrupts
from coldframe.cli.options import replay_command
from coldframe.cli.project import Project, open_project
from coldframe.cli.quiet import quiet, silent_tasks
from coldframe.cli.since import Changed
from coldframe.cli.snippet import pasteable
from coldframe.cli.view import View
from coldframe.errors import ColdframeError, ScenarioError, SetupError


@dataclass
class Outcome:
    """What came of all scenarios."""

    results: list[Result] = field(default_factory=list)
    errors: list[tuple[str, ColdframeError]] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    ended_early: bool = False

    @property
    def exit_code(self) -> int:
        """The worst of what happened. A budget that ends is no failure, unless a scenario had no share in it at all."""
        if any(not result.held for result in self.results):
            return BROKEN
        if self.errors:
            return ERROR
        return ENDED_EARLY if self.ended_early else HELD

    def to_json(self) -> dict[str, Any]:
        """As the schema's `file` says."""
        return {
            "coldframe_harden": VERSION,
            "exit_code": self.exit_code,
            "results": [result.to_json() for result in self.results],
            "errors": [{"scenario": name, "message": e.message, "hint": e.hint} for name, e in self.errors],
            "skipped": self.skipped,
        }


def run(
    *,
    scenarios: tuple[str, ...],
    budget: str | None,
    since: str | None,
    periodic: bool,
    json_file: str | None,
    brief: bool,
    dask: str | None,
    app: str | None,
    django_settings: str | None,
    seed_with: str | None,
    **given: Any,
) -> int:
    """Do what `coldframe harden` was asked for; the exit code."""
    patterns = given.pop("only")
    said = {name: value for name, value in {**given, "app": app}.items() if value not in (None, False)}
    seconds = to_seconds(budget)
    outcome = Outcome()
    with Interrupts() as interrupted, quiet(), ExitStack() as stack:
        try:
            project = open_project(app, django_settings)
            found = only(_found(scenarios, project, periodic=periodic), patterns)
            if not found:
                raise SetupError(f"no scenario fits --only {' '.join(patterns)}", hint="leave it out to see all names")
            if json_file not in (None, "-"):
                _check_writable(Path(str(json_file)))
            if dask is not None:
                said["executor"] = stack.enter_context(cluster(dask))
            changed = Changed(since) if since is not None else None
            stack.enter_context(temporary_databases())
            view = View(to_stderr=json_file == "-", brief=brief)
            hardening = Hardening(project, view, seconds, replay_command(app, django_settings, seed_with))
            hardening.seed = import_name(seed_with) if seed_with else None
            hardening.run(found, outcome, said, changed, interrupted)
        except KeyboardInterrupt:
            outcome.ended_early = True
        if interrupted:
            outcome.ended_early = True
            click.echo("interrupted: what was done until then is told above", err=True)
    if json_file is not None:
        _write(json_file, outcome)
    return outcome.exit_code


@dataclass
class Hardening:
    """Scenario after scenario."""

    project: Project
    view: View
    seconds: float | None
    replay: str
    seed: Any = None

    def run(
        self, found: list[Found], outcome: Outcome, given: dict[str, Any], changed: Changed | None, stop: Interrupts
    ) -> None:
        """Run them all, and tell each as soon as it is done."""
        began = real_monotonic()
        for number, scenario in enumerate(found):
            left = None if self.seconds is None else self.seconds - (real_monotonic() - began)
            if stop or (left is not None and left <= 0) or (given.get("fail_fast") and outcome.exit_code == BROKEN):
                outcome.skipped.append(scenario.name)
                outcome.ended_early = True
                continue
            share = {} if left is None else {"budget": left / (len(found) - number)}
            try:
                self._one(scenario, {**given, **share}, outcome, changed)
            except Exception as error:  # whatever it is, the other scenarios are still worth a run
                told = error if isinstance(error, ColdframeError) else _raised(scenario.name, error)
                tell(told, of=scenario.name)
                outcome.errors.append((scenario.name, told))
        self.view.finish(outcome.skipped, len(outcome.results), len(outcome.errors))

    def _one(self, scenario: Found, given: dict[str, Any], outcome: Outcome, changed: Changed | None) -> None:
        said = {**self.project.options, **scenario.said, **given, "name": scenario.name}
        if "app" not in said:
            said["app"] = self.project.app
        if scenario.name.startswith(PREFIX):
            said["setup"] = self.seed
        explorer = prepare(scenario.play, **said)
        if changed is not None:
            with clean_databases(), silent_tasks():
                is_touched = changed.touches(explorer)
            if not is_touched:
                outcome.skipped.append(scenario.name)
                return
        with clean_databases(), self.view.progress(scenario.name) as explorer.progress, silent_tasks():
            result = explorer.explore().told_with(self.replay)
        outcome.results.append(result)
        self.view.tell(result, pasteable(result, scenario, said["app"], self.seed))


def _found(wanted: tuple[str, ...], project: Project, *, periodic: bool) -> list[Found]:
    if wanted and periodic:
        raise SetupError("scenarios are named, and --periodic is given, too", hint="leave one of them out")
    if wanted:
        return find(wanted)
    marked = [] if periodic else find_marked()
    if marked:
        return marked
    entries = [Found(task.name, task) for task in periodic_tasks(project.app)]
    if not entries:
        raise SetupError(
            f"there is no scenario below {DIRECTORY}, and the beat schedule has no entries"
            if not periodic
            else "the beat schedule has no entries",
            hint="mark a function there with @coldframe.scenario(...), or name one: package.module:function",
        )
    return entries


def _raised(name: str, error: Exception) -> ScenarioError:
    """An error of the scenario's own code, with the lines where it came about."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if users_file(frame.filename)]
    where = "".join(traceback.format_list(frames)).rstrip()
    return ScenarioError(
        f"{name} raised {type(error).__name__}: {error}\n{where}".rstrip(),
        hint="correct the scenario, or the set-up or promise that raised it",
    )


def _check_writable(path: Path) -> None:
    if not path.absolute().parent.is_dir():
        raise SetupError(f"--json {path}: there is no directory {path.parent}", hint="make it, or give another path")
    if path.is_dir():
        raise SetupError(f"--json {path} is a directory", hint=f"name a file in it: {path / 'harden.json'}")


def _write(json_file: str, outcome: Outcome) -> None:
    text = json.dumps(outcome.to_json(), indent=2, ensure_ascii=False) + "\n"
    if json_file == "-":
        click.echo(text, nl=False)
    else:
        Path(json_file).write_text(text, "utf-8")
