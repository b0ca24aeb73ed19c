"""Options that commands share, and what they mean for a replay."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from typing import Any

import click


def project_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options by which a command finds the project."""
    for option in (
        click.option("--seed-with", metavar="MODULE:FUNCTION", help="Fills the database for entries of the schedule."),
        click.option(
            "--django-settings",
            metavar="MODULE",
            help="Settings of the tests. [default: DJANGO_SETTINGS_MODULE of the environment, or of pytest]",
        ),
        click.option(
            "--app", metavar="MODULE:APP", help="The Celery app. [default: [tool.coldframe] app in pyproject.toml]"
        ),
    ):
        command = option(command)
    return command


def replay_command(app: str | None, django_settings: str | None, seed_with: str | None) -> str:
    """What replays a run that was found with these options."""
    said = {"--app": app, "--django-settings": django_settings, "--seed-with": seed_with}
    return " ".join(["coldframe replay", *(f"{name} {shlex.quote(value)}" for name, value in said.items() if value)])
