"""The project in the working directory: its app, its settings, and what it says in its configuration."""

from __future__ import annotations

import configparser
import os
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from coldframe._harden.calling import BENCH_OPTIONS
from coldframe._harden.finding import look_here_first
from coldframe._harden.project import set_up_django, set_up_project
from coldframe.errors import AppNotFound
from coldframe.testing._project import project_app, read_settings

SETTINGS = "DJANGO_SETTINGS_MODULE"
NO_APP = 'name it: --app proj.celery:app, or in pyproject.toml: [tool.coldframe] app = "proj.celery:app"'

#: Where pytest-django reads the settings of the tests, with the section of each file.
PYTEST_FILES = (
    ("pytest.ini", "pytest"),
    (".pytest.ini", "pytest"),
    ("tox.ini", "pytest"),
    ("setup.cfg", "tool:pytest"),
)


@dataclass(frozen=True, slots=True)
class Project:
    """What is known of the project.

    Attributes:
        named_app: The path of the app, if somebody named it.
        options: For the benches: `start`, `profile`, `allow`, `seed`.
    """

    named_app: str | None
    options: dict[str, Any]

    @property
    def app(self) -> Any:
        """The app or its path.

        Raises:
            AppNotFound: There is none, or there are several.
        """
        if self.named_app is not None:
            return self.named_app
        try:
            return project_app()
        except AppNotFound as error:
            raise AppNotFound(error.message, hint=NO_APP) from error


def open_project(app: str | None, django_settings: str | None) -> Project:
    """Read the configuration, import the app, and set Django up if the project is one of Django's."""
    look_here_first()
    configured = read_settings(Path.cwd())
    settings_module = django_settings or os.environ.get(SETTINGS) or settings_of_tests(Path.cwd())
    if settings_module:
        os.environ[SETTINGS] = settings_module
    named = app or configured.get("app")
    if named is not None:
        set_up_project(named)
    else:
        set_up_django()
    return Project(named, {name: configured[name] for name in (*BENCH_OPTIONS, "seed") if name in configured})


def settings_of_tests(directory: Path) -> str | None:
    """What pytest-django is told, if it is."""
    for name, section in PYTEST_FILES[:2]:
        if (found := _in_ini(directory / name, section)) is not None:
            return found
    pyproject = directory / "pyproject.toml"
    if pyproject.is_file():
        table = tomllib.loads(pyproject.read_text("utf-8")).get("tool", {}).get("pytest", {})
        found = table.get("ini_options", table).get(SETTINGS)
        if isinstance(found, str):
            return found
    return next(filter(None, (_in_ini(directory / name, section) for name, section in PYTEST_FILES[2:])), None)


def _in_ini(path: Path, section: str) -> str | None:
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        parser.read(path, "utf-8")
    except configparser.Error:
        return None
    return parser.get(section, SETTINGS, fallback=None)
