"""A place for tasks that change files."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

import pytest
from celery import Celery

sys.path.insert(0, str(Path(__file__).parent))

import watching


@pytest.fixture
def run(app: Celery, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> watching.Run:
    """Runs a function as a task in an empty directory; the second argument gets the bench before."""
    monkeypatch.chdir(tmp_path)
    return partial(watching.run, app)
