"""How a process that knows nothing of a scenario makes it anew: by names, which travel."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from coldframe._harden.names import import_name, importable_name
from coldframe._harden.periodic import PREFIX, PeriodicTask
from coldframe._harden.project import set_up_project
from coldframe._harden.scenario import Scenario


@dataclass(frozen=True, slots=True)
class Recipe:
    """A scenario by the names of what it is made of.

    Attributes:
        directory: Where it was made: modules are looked for there, and paths are told from there.
        django_settings: The settings module, if the project is one of Django's.
    """

    name: str
    play: str
    app: str
    directory: str
    django_settings: str | None
    promises: tuple[str, ...] = ()
    setup: str | None = None
    reset: str | None = None
    databases: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    ignore: frozenset[str] = frozenset()
    options: dict[str, Any] = field(default_factory=dict)

    def make(self) -> Scenario:
        """The scenario in this process, whose project is set up if it is not."""
        if os.path.isdir(self.directory):
            os.chdir(self.directory)
            if self.directory not in sys.path:
                sys.path.insert(0, self.directory)
        set_up_project(self.app, self.django_settings)
        return Scenario(
            name=self.name,
            play=play_named(self.play),
            app=self.app,
            promises=tuple(map(import_name, self.promises)),
            options=self.options,
            ignore=self.ignore,
            databases=tuple(map(import_name, self.databases)),
            files=self.files,
            reset=import_name(self.reset) if self.reset else None,
            setup=import_name(self.setup) if self.setup else None,
        )


def recipe_of(scenario: Scenario) -> Recipe:
    """How another process makes this scenario.

    Raises:
        SetupError: A part of it has no name by which it could be imported.
    """
    play = scenario.play
    return Recipe(
        name=scenario.name,
        play=play.name if isinstance(play, PeriodicTask) else importable_name(play, "the scenario"),
        app=scenario.app if isinstance(scenario.app, str) else importable_name(scenario.app, "the app"),
        directory=os.getcwd(),
        django_settings=os.environ.get("DJANGO_SETTINGS_MODULE"),
        promises=tuple(importable_name(promise, "the promise") for promise in scenario.promises),
        setup=importable_name(scenario.setup, "setup") if scenario.setup else None,
        reset=importable_name(scenario.reset, "reset") if scenario.reset else None,
        databases=tuple(importable_name(engine, "the engine") for engine in scenario.databases),
        files=tuple(map(str, scenario.files)),
        ignore=scenario.ignore,
        options=dict(scenario.options),
    )


def play_named(name: str) -> Callable[..., object]:
    """What a scenario of this name does: a function, or an entry of the schedule."""
    if name.startswith(PREFIX):
        return PeriodicTask(name.removeprefix(PREFIX))
    found: Callable[..., object] = import_name(name)
    return found
