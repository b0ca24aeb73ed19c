"""The project's own app and settings, found as a person would look for them."""

from __future__ import annotations

import difflib
import importlib
import importlib.util
import os
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from coldframe._celery.apps import find_app, made_apps
from coldframe.errors import AppNotFound, SetupError

if TYPE_CHECKING:
    from celery import Celery

#: What a project may say in `[tool.coldframe]` about the benches of its tests.
DEFAULTS = ("app", "profile", "start", "seed", "allow")

#: Modules in which projects keep their app, beside the settings of Django.
APP_MODULES = ("celery", "celery_app", "celeryapp")

NEXT_STEP = (
    'say where it is, in pyproject.toml: [tool.coldframe] app = "proj.celery:app"; or --coldframe-app=proj.celery:app, '
    "or a fixture named coldframe_app that returns it"
)


def read_settings(directory: Path) -> dict[str, Any]:
    """The table `[tool.coldframe]` of the project's `pyproject.toml`; empty when there is none.

    Raises:
        SetupError: The file is broken, or a key is a near miss of one that counts here.
    """
    path = directory / "pyproject.toml"
    if not path.is_file():
        return {}
    try:
        table = tomllib.loads(path.read_text("utf-8")).get("tool", {}).get("coldframe", {})
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SetupError(
            f"{path.name} cannot be read: {error}", hint="mend that line: [tool.coldframe] is looked for in this file"
        ) from None
    for key in table:
        near = difflib.get_close_matches(key, DEFAULTS, n=1, cutoff=0.75)
        if near and key not in DEFAULTS:
            raise SetupError(
                f"[tool.coldframe] in {path.name} has the key {key!r}",
                hint=f"did you mean {near[0]!r}? Correct it there",
            )
    return {key: table[key] for key in DEFAULTS if key in table}


def project_app(named: Any = None) -> Celery:
    """The project's app: the one that is named, the one beside Django's settings, or the only one there is.

    Args:
        named: The app, or its path.

    Raises:
        AppNotFound: There is none, or there are several.
    """
    if named is not None:
        return find_app(named)
    settings_module = os.environ.get("DJANGO_SETTINGS_MODULE", "")
    beside = _app_path_beside(settings_module)
    if beside is not None:
        return find_app(beside)
    apps = made_apps()
    if len(apps) == 1:
        return apps[0]
    names = ", ".join(repr(app.main) for app in apps)
    found = f"there are {len(apps)} Celery apps: {names}" if apps else "no Celery app was made so far"
    looked = f"; beside Django's settings ({settings_module}) there is no celery.py" if settings_module else ""
    raise AppNotFound(f"the project's Celery app was not found: {found}{looked}", hint=NEXT_STEP)


def _app_path_beside(settings_module: str) -> str | None:
    """`proj.celery` for `proj.settings`, and for `proj.settings.test` too."""
    package = settings_module.rpartition(".")[0]
    while package:
        for name in APP_MODULES:
            if _is_there(f"{package}.{name}"):
                return f"{package}.{name}"
        package = package.rpartition(".")[0]
    return None


def _is_there(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ImportError:
        return False
