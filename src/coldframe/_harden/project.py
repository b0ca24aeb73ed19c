"""The project of a scenario in a process of its own: its settings, its app, and test databases as Django makes them."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from coldframe._celery.apps import find_app
from coldframe.errors import SetupError

if TYPE_CHECKING:
    from celery import Celery

#: What Django and pytest-django raise where a test may not use a database.
NOT_ALLOWED = (RuntimeError, AssertionError)

#: Whether this process has test databases; a forked one has those of its parent.
_has_databases = False


def set_up_project(app: Any, django_settings: str | None = None) -> Celery:
    """Import the app, and set Django up if the project is one of Django's. Doing it twice is harmless.

    Args:
        app: The app or its path.
        django_settings: The settings module, if it is known; else what the app's module says.
    """
    if django_settings:
        os.environ["DJANGO_SETTINGS_MODULE"] = django_settings
    found = find_app(app)
    set_up_django()
    return found


def set_up_django() -> None:
    """Load Django's apps, if there are settings.

    Raises:
        SetupError: The settings do not import.
    """
    settings_module = os.environ.get("DJANGO_SETTINGS_MODULE")
    if not settings_module or find_spec("django") is None:
        return
    import django

    try:
        django.setup()
    except Exception as error:
        raise SetupError(
            f"Django's settings {settings_module!r} cannot be used: {type(error).__name__}: {error}",
            hint="name the settings of your tests: --django-settings proj.settings.test, or DJANGO_SETTINGS_MODULE",
        ) from error


@contextmanager
def temporary_databases(*, of_its_own: bool = False) -> Iterator[None]:
    """Django's test databases, made as its test runner makes them, and removed at the end.

    Args:
        of_its_own: Give them names that no other process uses.
    """
    global _has_databases
    if _has_databases or not uses_django():
        yield
        return
    from django.test.runner import DiscoverRunner
    from django.test.utils import setup_test_environment, teardown_test_environment

    if of_its_own:
        _rename_temporary_databases(f"coldframe_{os.getpid()}")
    runner = DiscoverRunner(verbosity=0, interactive=False)
    setup_test_environment()  # not the runner's: that lets Ctrl-C wait for the end of a test
    try:
        made = runner.setup_databases()
        _has_databases = True
        try:
            yield
        finally:
            _has_databases = False
            runner.teardown_databases(made)
    finally:
        teardown_test_environment()


def uses_django() -> bool:
    """Whether Django is set up in this process, with a database."""
    if "django" not in sys.modules:
        return False
    from django.apps import apps
    from django.conf import settings

    return bool(settings.configured and apps.ready and settings.DATABASES)


def _rename_temporary_databases(suffix: str) -> None:
    from django.db import connections

    for connection in connections.all():
        named = connection.settings_dict["TEST"].get("NAME")
        if named and ":memory:" not in str(named):
            connection.settings_dict["TEST"]["NAME"] = f"{named}_{suffix}"
        elif connection.vendor != "sqlite":
            connection.settings_dict["TEST"]["NAME"] = f"test_{connection.settings_dict['NAME']}_{suffix}"


@contextmanager
def clean_databases() -> Iterator[None]:
    """What the set-up of a scenario writes inside is gone afterwards."""
    with ExitStack() as stack:
        for alias in _aliases():
            stack.enter_context(_rolled_back(alias) if _is_sqlite(alias) else _filled_anew(alias))
        yield


@contextmanager
def rolled_back_databases() -> Iterator[None]:
    """What is written to SQLite inside is gone afterwards; a server's database must be committed to be copied."""
    with ExitStack() as stack:
        for alias in filter(_is_sqlite, _aliases()):
            with suppress(*NOT_ALLOWED):
                stack.enter_context(_rolled_back(alias))
        yield


def _is_sqlite(alias: str) -> bool:
    from django.db import connections

    return bool(connections[alias].vendor == "sqlite")


@contextmanager
def _rolled_back(alias: str) -> Iterator[None]:
    from django.db import transaction

    with transaction.atomic(using=alias):
        try:
            yield
        finally:
            transaction.set_rollback(True, using=alias)


@contextmanager
def _filled_anew(alias: str) -> Iterator[None]:
    """As Django's TransactionTestCase does: a server copies a database only when no transaction is open in it."""
    from django.core.management import call_command
    from django.db import connections

    try:
        yield
    finally:
        call_command("flush", verbosity=0, interactive=False, database=alias, inhibit_post_migrate=True)
        connection = connections[alias]
        content = getattr(connection, "_test_serialized_contents", None)
        if content is not None:
            connection.creation.deserialize_db_from_string(content)


def run_setup(setup: Callable[[], object]) -> None:
    """Call the set-up of a scenario; callbacks of its commits run, also inside a transaction that is rolled back."""
    with ExitStack() as stack:
        for alias in _aliases():
            from django.test import TestCase

            stack.enter_context(_ended_transactions(alias))
            stack.enter_context(TestCase.captureOnCommitCallbacks(using=alias, execute=True))
        setup()


@contextmanager
def _ended_transactions(alias: str) -> Iterator[None]:
    """Refuse to go on in a transaction that was begun inside and not ended: all that follows would be in it."""
    from django.db import connections

    connection = connections[alias]
    depth = len(connection.atomic_blocks)
    yield
    is_manual = connection.connection is not None and not connection.in_atomic_block and not connection.autocommit
    if len(connection.atomic_blocks) == depth and not is_manual:
        return
    left_open = SetupError(
        f"setup=... leaves a transaction open in the database {alias!r}",
        hint="let it end each transaction that it begins: with transaction.atomic(): ...",
    )
    while len(connection.atomic_blocks) > depth:
        connection.atomic_blocks[-1].__exit__(SetupError, left_open, None)
    if is_manual:
        connection.rollback()
        connection.set_autocommit(True)
    raise left_open


def _aliases() -> list[str]:
    if not uses_django():
        return []
    from django.db import connections

    return [alias for alias in connections if connections.settings[alias]["ENGINE"] != "django.db.backends.dummy"]
