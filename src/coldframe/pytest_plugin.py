"""The pytest plugin: the fixture `coldframe` is a bench on the project's own app, `harden` breaks scenarios on it.

pytest imports this module in every run, so it imports nothing of Celery, Django or the bench before a test asks
for the fixture.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from coldframe.testing._fixture.held import HELD

if TYPE_CHECKING:
    from coldframe import Bench
    from coldframe.testing._fixture.hardening import Harden
    from coldframe.testing.eager import Eager

MARKER_HELP = (
    "coldframe(start=..., profile=..., seed=..., beat=..., failures=..., unread=..., allow=..., app=..., "
    "undrained=...): how the bench of the fixture 'coldframe' is opened; takes whatever Bench takes, too. "
    "beat=True starts beat; undrained='allow' lets a test end with messages that it did not let run."
)
HARDEN_HELP = (
    "harden(budget=..., faults=..., ignore=..., runs=..., workers=...): how the fixture 'harden' breaks the scenarios "
    "of a test; takes whatever coldframe.harden takes."
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options; each is also a key of `[tool.coldframe]` and of pytest's own configuration."""
    group = parser.getgroup("coldframe", "Celery tasks on a bench (coldframe)")
    group.addoption("--coldframe-app", metavar="PATH", help="The project's Celery app, such as proj.celery:app.")
    group.addoption(
        "--coldframe-seed",
        type=int,
        metavar="N",
        help="Decides identifiers, random numbers, and the order of what is concurrent on a bench.",
    )
    group.addoption("--coldframe-profile", metavar="NAME", help="How the broker of a bench behaves: rabbitmq or redis.")
    group.addoption(
        "--coldframe",
        choices=("eager-swap",),
        metavar="MODE",
        help="eager-swap: run tests that were written for eager mode on a bench, too, and list those that differ.",
    )
    group.addoption("--coldframe-report", metavar="FILE", help="Write what --coldframe=MODE found to a file of JSON.")
    group.addoption("--coldframe-budget", metavar="SPAN", help="How long each harden(...) may take: 30s, 5m.")
    group.addoption(
        "--coldframe-replay", metavar="PLAN", help="Do one broken run of the test again; 'coldframe replay' says it."
    )
    group.addoption("--coldframe-timeline", action="store_true", help="Tell all of the timeline of a replay.")
    group.addoption("--coldframe-pdb", action="store_true", help="Open the debugger before the fault of a replay.")
    parser.addini("coldframe_app", "The project's Celery app, such as proj.celery:app.", default=None)
    parser.addini("coldframe_profile", "How the broker of a bench behaves: rabbitmq or redis.", default=None)
    parser.addini("coldframe_start", "The first moment of a bench, such as 2026-03-29T00:00+01:00.", default=None)
    parser.addini("coldframe_seed", "The seed of a bench, a whole number.", default=None)
    parser.addini("coldframe_allow", "Hosts that may be reached from a bench for real.", type="linelist", default=[])


def pytest_configure(config: pytest.Config) -> None:
    """Explain the marker, and start the mode that was asked for."""
    config.addinivalue_line("markers", MARKER_HELP)
    config.addinivalue_line("markers", HARDEN_HELP)
    if config.getoption("coldframe_replay", None) is not None:
        _register_replay(config)
    if config.getoption("coldframe", None) == "eager-swap":
        from coldframe.testing.eager_swap import EagerSwapPlugin

        report = config.getoption("coldframe_report")
        swap = EagerSwapPlugin(config, report=config.invocation_params.dir / report if report else None)
        config.pluginmanager.register(swap, "coldframe-eager-swap")


def _register_replay(config: pytest.Config) -> None:
    from coldframe import SetupError
    from coldframe.testing._fixture.replaying import REPLAYER, Replayer

    try:
        replayer = Replayer(
            config.getoption("coldframe_replay"),
            whole=config.getoption("coldframe_timeline"),
            debug=config.getoption("coldframe_pdb"),
            config=config,
        )
    except SetupError as error:
        raise pytest.UsageError(str(error)) from None
    config.pluginmanager.register(replayer, REPLAYER)


@pytest.fixture
def coldframe_app() -> Any:
    """The app of the bench, or its path: override this fixture when a test or a project makes its app itself."""
    return None


@pytest.fixture(name="coldframe")
def coldframe_bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    """A bench on the project's Celery app: its real tasks on the real worker code, under virtual time."""
    from coldframe.testing._fixture.opening import bench_for

    with bench_for(request) as bench:
        yield bench


@pytest.fixture
def harden(request: pytest.FixtureRequest) -> Harden:
    """`harden(scenario)` breaks every run of a scenario at every place, and fails the test unless all of them held."""
    from coldframe.testing._fixture.hardening import harden_for

    return harden_for(request)


@pytest.fixture
def celery_eager(request: pytest.FixtureRequest) -> Iterator[Eager]:
    """Eager mode for one test, and warnings of what it hides in that test; a step on the way to a bench."""
    from coldframe.testing.eager import eager_for

    with eager_for(request) as eager:
        yield eager


@pytest.hookimpl(trylast=True)
def pytest_runtest_call(item: pytest.Item) -> None:
    """Let what the bench complains about be a failure of the test itself, not of its clean-up.

    pytest calls this after the test, and only if that has not raised.
    """
    if HELD in item.stash:
        item.stash[HELD].check()
