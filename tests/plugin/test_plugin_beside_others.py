"""The plugin beside other plugins, and in suites that do not use it."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytest_plugins = ["pytester"]

USE = {"passed": 14, "skipped": 1, "xfailed": 3}
LIBRARY = {"passed": 9, "failed": 1}
HEAVY = {"celery", "kombu", "billiard", "vine", "django", "greenlet", "time_machine", "tomllib"}

ASYNC = """
import asyncio

from shop import charge


async def test_drain_in_a_running_loop(coldframe):
    began = coldframe.now
    charge.delay(7)
    coldframe.drain()
    coldframe.assert_ran(charge, times=1)
    await asyncio.sleep(60)
    assert (coldframe.now - began).total_seconds() == 60


async def test_a_complaint_at_the_end(coldframe):
    charge.delay(7)
"""

CONTRIB = """
import pytest
from celery.contrib.testing.app import TestApp


@pytest.fixture(scope="session")
def celery_config():
    return {"broker_url": "memory://", "result_backend": "cache+memory://"}


def test_both(celery_app, coldframe):
    assert coldframe.app.main == "shop"
    assert celery_app.main == "celery.tests"
"""


@pytest.mark.parametrize(
    ("plugins", "arguments"),
    [
        (("xdist",), ("-n", "2", "--import-mode=importlib", "-p", "no:cacheprovider")),
        (("pytest_randomly", "pytest_timeout"), ("--randomly-seed=12", "--timeout=60")),
        (
            ("pytest_randomly", "pytest_asyncio.plugin", "pytest_timeout", "xdist"),
            ("-n", "2", "--randomly-seed=11", "-o", "asyncio_default_fixture_loop_scope=function"),
        ),
    ],
    ids=["xdist and importlib", "random order", "all together"],
)
def test_results_are_the_same_beside_other_plugins(
    run_pytest, plugins: tuple[str, ...], arguments: tuple[str, ...]
) -> None:
    run_pytest("shop", "check_use.py", *arguments, plugins=plugins).assert_outcomes(**USE)


def test_a_replay_under_random_order_names_its_seed(run_pytest) -> None:
    result = run_pytest(
        *("shop", "check_mistakes.py", "-k", "wrong_eta", "--randomly-seed=12"), plugins=("pytest_randomly",)
    )
    assert "replay: pytest check_mistakes.py::test_wrong_eta --randomly-seed=12\n" in result.stdout.str()


def test_async_tests_use_the_fixture(run_pytest, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(check_async=ASYNC)
    result = run_pytest(
        *("shop", "check_async.py", "-o", "asyncio_mode=auto", "-o", "asyncio_default_fixture_loop_scope=function"),
        plugins=("pytest_asyncio.plugin",),
    )
    result.assert_outcomes(passed=1, failed=1)
    assert "1 task was sent and never run" in result.stdout.str()


def test_a_django_project(run_pytest, pytester: pytest.Pytester) -> None:
    for arguments in (("--create-db",), ("--reuse-db", "--import-mode=importlib", "-p", "no:cacheprovider")):
        result = run_pytest(
            *("library", "--ds=config.settings.test", "check_library.py", *arguments), plugins=("pytest_django.plugin",)
        )
        result.assert_outcomes(**LIBRARY)
        result.stdout.fnmatch_lines(["*UndrainedTest.test_says_so*", "*1 task was sent and never run*"])


def test_the_fixtures_of_celery_itself_can_be_used_too(run_pytest, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(check_contrib=CONTRIB)
    run_pytest("shop", "check_contrib.py", "-W", "default", plugins=("celery.contrib.pytest",)).assert_outcomes(
        passed=1
    )


def test_every_name_that_the_plugin_adds_is_its_own(run_pytest) -> None:
    result = run_pytest("shop", "--fixtures", "--help")
    from coldframe import pytest_plugin

    fixtures = [
        name for name, value in vars(pytest_plugin).items() if type(value).__name__ == "FixtureFunctionDefinition"
    ]
    assert fixtures == ["coldframe_app", "coldframe_bench", "harden", "celery_eager"]
    options = [word for word in result.stdout.str().split() if word.startswith("--cold")]
    assert {option.partition("=")[0] for option in options} >= {"--coldframe-app", "--coldframe-seed"}


def test_importing_the_plugin_imports_nothing_heavy() -> None:
    code = "import sys, coldframe.pytest_plugin; print(sorted(name for name in sys.modules if '.' not in name))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert HEAVY & set(eval(done.stdout)) == set()
    assert "_bench" not in done.stdout


def test_a_suite_that_does_not_use_it_never_imports_the_bench(run_pytest, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        check_plain="""
        import sys
        import pytest

        @pytest.mark.parametrize("number", range(200))
        def test_plain(number): pass

        def test_nothing_was_imported():
            heavy = {"celery", "kombu", "greenlet", "time_machine", "coldframe._bench", "coldframe.testing._project"}
            assert heavy & set(sys.modules) == set()
        """
    )
    run_pytest("shop", "check_plain.py").assert_outcomes(passed=201)
