"""Which scenarios are touched by what has changed since a commit."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

from coldframe._celery.apps import find_app
from coldframe._core.events import Started
from coldframe._harden.exploring import Explorer
from coldframe._harden.finding import file_of
from coldframe.errors import SetupError


class Changed:
    """The files that differ from a commit, new ones as well.

    Args:
        reference: The commit.

    Raises:
        SetupError: This is no git repository, or has no such commit.
    """

    def __init__(self, reference: str) -> None:
        if reference.startswith("-"):
            raise SetupError(f"--since {reference!r} is no commit", hint="name a commit, a branch or a tag")
        root = Path(_git(reference, "rev-parse", "--show-toplevel").strip())
        told = _git(reference, "diff", "--name-only", "-z", reference, "--")
        told += _git(reference, "ls-files", "--others", "--exclude-standard", "--full-name", "-z", ":/")
        self.files = {(root / name).resolve() for name in told.split("\0") if name}

    def touches(self, explorer: Explorer) -> bool:
        """Whether a scenario, what it promises, or the code of a task that it starts has changed."""
        return any(self._is_changed(name) for name in _code_of(explorer))

    def _is_changed(self, name: str) -> bool:
        path = Path(name)
        if path.is_absolute() or path.exists():
            return path.resolve() in self.files
        return any(file.as_posix().endswith(f"/{name}") for file in self.files)


def _code_of(explorer: Explorer) -> Iterator[str]:
    scenario = explorer.scenario
    for function in (scenario.play, *scenario.promises, scenario.setup, scenario.reset):
        if function is not None and (file := file_of(function)) is not None:
            yield file
    with explorer.ready():
        untouched = explorer.untouched
    yield from (place.where.rpartition(":")[0] for place in untouched.places if place.where)
    tasks = find_app(scenario.app).tasks
    for name in {event.task for event in untouched.trace if isinstance(event, Started)}:
        if name in tasks and (file := file_of(tasks[name].run)) is not None:
            yield file


def _git(reference: str, *words: str) -> str:
    try:
        done = subprocess.run(["git", *words], capture_output=True, text=True, check=False)  # noqa: S603, S607
    except OSError as error:
        raise SetupError(f"--since {reference}: git cannot be run: {error}", hint="install git") from error
    if done.returncode != 0:
        raise SetupError(
            f"--since {reference}: {done.stderr.strip().splitlines()[0]}",
            hint="run from inside the repository, and name a commit that is there (in CI: fetch it)",
        )
    return done.stdout
