"""`coldframe harden` in a Django project: test databases, and a set-up for each scenario."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

LIBRARY = Path(__file__).parents[1] / "plugin" / "projects" / "library"

SCENARIOS = """
import coldframe
from books.models import Book
from books.tasks import lend
from django.db import transaction


def one_book():
    transaction.on_commit(lambda: Book.objects.create(title="Emma"))


def lent_once(bench):
    assert Book.objects.get().lent


@coldframe.scenario(setup=one_book, promises=lent_once, faults="twice")
def lending(bench):
    lend.delay(Book.objects.get().pk)


@coldframe.scenario(setup=one_book, faults="kills")
def lost(bench):
    lend.delay(Book.objects.get().pk)
"""
LEFT_OPEN = """
import coldframe
from books.tasks import lend
from django.db import transaction


@coldframe.scenario(setup=lambda: transaction.atomic().__enter__())
def begun(bench):
    lend.delay(1)
"""
SCHEDULE = """
app.conf.beat_schedule = {"lend": {"task": "books.tasks.lend", "schedule": 60, "args": [1]}}
"""
SETTINGS = ("--django-settings", "config.settings.test")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The library, with scenarios and a schedule."""
    directory = Path(shutil.copytree(LIBRARY, tmp_path / "library", ignore=shutil.ignore_patterns("__pycache__")))
    directory.joinpath("tests/scenarios").mkdir(parents=True)
    directory.joinpath("tests/scenarios/lending.py").write_text(SCENARIOS, "utf-8")
    with directory.joinpath("config/celery_app.py").open("a", encoding="utf-8") as file:
        file.write(SCHEDULE)
    return directory


def test_each_scenario_begins_with_its_own_rows_in_a_test_database(coldframe_command: Any, project: Path) -> None:
    with project.joinpath("pytest.ini").open("a", encoding="utf-8") as file:
        file.write("DJANGO_SETTINGS_MODULE = config.settings.test\n")
    done = coldframe_command("harden")
    assert done.returncode == 1, done.stderr
    assert "tests.scenarios.lending:lending: 2 broken runs in" in done.stdout
    assert ": 2 held\n" in done.stdout
    assert "lost: killed before `sql.write UPDATE books_book` (books/tasks.py:9)" in done.stdout
    assert (
        "import pytest\nfrom tests.scenarios.lending import lost\n\n\n@pytest.mark.django_db\ndef test_lost_"
        in done.stdout
    )
    assert sorted(path.name for path in project.glob("*.sqlite3*")) == []


def test_a_set_up_that_leaves_a_transaction_open_spoils_only_its_own_scenario(
    coldframe_command: Any, project: Path
) -> None:
    one_more = project / "tests/scenarios/begun.py"
    one_more.write_text(LEFT_OPEN, "utf-8")
    done = coldframe_command("harden", *SETTINGS)
    assert (
        "setup=... leaves a transaction open in the database 'default'\n"
        "  hint: let it end each transaction that it begins: with transaction.atomic(): ..."
    ) in done.stdout + done.stderr
    assert "tests.scenarios.lending:lending: 2 broken runs in" in done.stdout
    assert ": 2 held\n" in done.stdout


def test_entries_of_the_schedule_run_on_the_seeded_database(coldframe_command: Any) -> None:
    words = (*SETTINGS, "--periodic", "--faults", "kills", "--fail-fast")
    done = coldframe_command("harden", *words, "--seed-with", "tests.scenarios.lending:one_book", "--workers", "2")
    assert done.returncode == 1, done.stderr
    replay = (
        "coldframe replay --django-settings config.settings.test --seed-with tests.scenarios.lending:one_book "
        "beat:lend/2-kill-process"
    )
    assert f"  {replay}\n" in done.stdout
    assert "    harden(lambda bench: bench.app.send_task('books.tasks.lend', args=[1]), setup=one_book, " in done.stdout
    again = coldframe_command(*replay.split()[1:])
    assert again.returncode == 1, again.stderr
    assert "lost: killed before `sql.write UPDATE books_book` (books/tasks.py:9)" in again.stdout


def test_settings_that_do_not_import_are_told(coldframe_command: Any) -> None:
    done = coldframe_command("harden", "--django-settings", "config.settings.tests")
    assert done.returncode == 2
    assert done.stderr.startswith(
        "error: Django's settings 'config.settings.tests' cannot be used: ModuleNotFoundError"
    )
