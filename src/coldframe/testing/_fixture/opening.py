"""Opens the bench of one test, and closes it at its end."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from coldframe import AppNotFound, Bench, SetupError
from coldframe.testing._fixture import failures
from coldframe.testing._fixture.held import HELD, HeldBench
from coldframe.testing._fixture.options import options_of
from coldframe.testing._project import project_app

#: Fixtures that open a database: what they begin must be there before the bench looks at it.
DATABASE_FIXTURES = ("django_db_setup", "transactional_db", "db")
REPORTER = "coldframe-failures"


@contextmanager
def bench_for(request: pytest.FixtureRequest) -> Iterator[Bench]:
    """The bench of a test, open; what goes wrong in opening it is told without our own traceback."""
    plugins = request.config.pluginmanager
    if not plugins.has_plugin(REPORTER):
        plugins.register(failures, REPORTER)
    open_database_first(request)
    try:
        held = _opened(request)
    except SetupError as error:
        raise pytest.fail.Exception(told_shortly(error), pytrace=False) from None
    request.node.stash[HELD] = held
    try:
        yield held.bench
    finally:
        held.close()


def _opened(request: pytest.FixtureRequest) -> HeldBench:
    item = request.node
    options = options_of(item)
    app = options.app if options.app is not None else request.getfixturevalue("coldframe_app")
    bench = Bench(project_app(app), **options.bench)
    held = HeldBench(item, bench, options.beat, options.undrained, options.command_line)
    if hasattr(request.instance, "_pre_setup") and hasattr(request.instance, "_post_teardown"):
        _open_inside_transaction(held, request.instance)
    else:
        held.open()
    return held


def _open_inside_transaction(held: HeldBench, case: Any) -> None:
    """A test case of Django begins its transaction after pytest has set up the fixtures."""
    begin, end = case._pre_setup, case._post_teardown  # noqa: SLF001 - the only places just before and after it

    def begin_and_open() -> None:
        begin()
        held.open()

    def close_and_end() -> None:
        try:
            held.check()
        finally:
            held.close()
            end()

    case._pre_setup, case._post_teardown = begin_and_open, close_and_end  # noqa: SLF001


def open_database_first(request: pytest.FixtureRequest) -> None:
    wanted = [name for name in DATABASE_FIXTURES if name in request.fixturenames]
    if request.node.get_closest_marker("django_db") is not None:
        wanted.append("db")
    for name in wanted:
        request.getfixturevalue(name)


def told_shortly(error: SetupError) -> str:
    """The error; and where a module of the user's own failed, if that is why."""
    cause = error.__cause__
    if not isinstance(error, AppNotFound) or cause is None or "traceback above" not in error.hint:
        return str(error)
    entries = [
        entry
        for entry in traceback.extract_tb(cause.__traceback__)
        if "importlib" not in entry.filename and "coldframe" not in entry.filename
    ]
    own = [*traceback.format_list(entries), *traceback.format_exception_only(cause)]
    return f"{''.join(own)}\n{error}"
