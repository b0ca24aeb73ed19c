"""What the fixture `harden` gives: `coldframe.harden` on the project's app, in the name of the test."""

from __future__ import annotations

import logging
import shlex
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from coldframe import ColdframeError, SetupError
from coldframe._harden.calling import BENCH_OPTIONS, check_options, prepare
from coldframe._harden.results import REPLAY, Result
from coldframe._harden.scenario import said_of
from coldframe.errors import hides_frames
from coldframe.testing._fixture.failures import from_here
from coldframe.testing._fixture.opening import open_database_first, told_shortly
from coldframe.testing._fixture.options import options_of
from coldframe.testing._fixture.replaying import REPLAYER, Replayer
from coldframe.testing._project import project_app

if TYPE_CHECKING:
    from coldframe import Bench

__tracebackhide__ = hides_frames

MARKER = "harden"

#: What the marker cannot say: it is said in the test itself.
NOT_MARKED = ("name", "plan", "progress", "executor")


class Harden:
    """Hardens scenarios in a test: `harden(scenario)` raises `NotHardened` unless every run held.

    Args:
        request: Of the test.
    """

    def __init__(self, request: pytest.FixtureRequest) -> None:
        item: pytest.Item = request.node
        options = options_of(item)
        app = options.app if options.app is not None else request.getfixturevalue("coldframe_app")
        self._config = item.config
        self._name = from_here(item)
        self._count = 0
        self._defaults: dict[str, Any] = {
            "app": project_app(app),
            "seed": options.bench.get("seed"),
            "budget": item.config.getoption("coldframe_budget"),
            **{name: options.bench[name] for name in BENCH_OPTIONS if name in options.bench},
        }
        self._marked = _marked(item)
        self._replay = _replay_command(item.config, options.command_line)

    def __call__(
        self,
        scenario: Callable[[Bench], object],
        promises: Any = None,
        *,
        check: bool = True,
        **options: Any,
    ) -> Result:
        """Run a scenario untouched, then broken at every place.

        Args:
            scenario: Starts the work; called with the bench.
            promises: Called with the bench after each run; an `AssertionError` or `False` breaks the promise.
            check: Raise if a run broke; if not, look at the result.
            **options: Whatever `coldframe.harden` takes.

        Raises:
            NotHardened: It tells each cause once.
        """
        try:
            result = self._result(scenario, {"promises": promises, **options})
            if check:
                result.check()
        except ColdframeError as error:
            raise error.with_traceback(None) from error.__cause__  # its message says it all
        return result

    def _result(self, scenario: Callable[[Bench], object], here: dict[str, Any]) -> Result:
        check_options(here, "the fixture harden", ("name",))
        self._count += 1
        said = {**self._defaults, **(said_of(scenario) or {}), **self._marked}
        said.update({name: value for name, value in here.items() if value is not None})
        said["name"] = self._name + (f"#{self._count}" if self._count > 1 else "")
        explorer = prepare(scenario, **said)
        replayer: Replayer | None = self._config.pluginmanager.get_plugin(REPLAYER)
        with _without_logs(self._config):
            result = explorer.explore() if replayer is None else replayer.replay(explorer, self._count)
        return result.told_with(self._replay)


def harden_for(request: pytest.FixtureRequest) -> Harden:
    """What a test gets; what goes wrong before is told without our own traceback."""
    open_database_first(request)
    try:
        return Harden(request)
    except SetupError as error:
        raise pytest.fail.Exception(told_shortly(error), pytrace=False) from None


@contextmanager
def _without_logs(config: pytest.Config) -> Iterator[None]:
    """pytest keeps each line that is logged for its report: here it would be those of thousands of broken runs."""
    plugin = config.pluginmanager.get_plugin("logging-plugin")
    names = ("report_handler", "caplog_handler", "log_cli_handler")
    handlers = [handler for name in names if (handler := getattr(plugin, name, None)) is not None]
    levels = [handler.level for handler in handlers]
    for handler in handlers:
        handler.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for handler, level in zip(handlers, levels, strict=True):
            handler.setLevel(level)


def _marked(item: pytest.Item) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for owner, marker in item.iter_markers_with_node(MARKER):
        if marker.args:
            raise SetupError(
                f"the marker harden on {owner.name!r} was given {marker.args[0]!r} without a name",
                hint="it takes keywords only, as in @pytest.mark.harden(budget='10s')",
            )
        check_options(marker.kwargs, f"the marker harden on {owner.name!r}", NOT_MARKED)
        for name, value in marker.kwargs.items():
            found.setdefault(name, value)
    return found


def _replay_command(config: pytest.Config, said: dict[str, Any]) -> str:
    """What replays a run of this test: it must be told what only the command line said."""
    words: Iterable[str] = [f"--coldframe-{name}={value}" for name, value in said.items()]
    randomly = config.getoption("randomly_seed", None)
    if isinstance(randomly, int):
        words = [*words, f"--randomly-seed={randomly}"]
    return " ".join([REPLAY, *(f"--pytest={shlex.quote(word)}" for word in words)])
