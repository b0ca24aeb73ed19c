"""The fixture, its marker and its configuration."""

from __future__ import annotations

from typing import Any

import pytest

pytest_plugins = ["pytester"]

NO_APP = "def test_no_app(coldframe): pass"
TWO_APPS = "from celery import Celery\n\none, two = Celery('one'), Celery('two')\n\n"
BARE: Any = {"without": ("pyproject.toml",)}


def test_the_fixture_its_marker_and_its_options(run_pytest) -> None:
    result = run_pytest("shop", "check_use.py")
    result.assert_outcomes(passed=14, skipped=1, xfailed=3)


def test_a_marker_goes_before_the_command_line_and_that_before_configuration(
    run_pytest, pytester: pytest.Pytester
) -> None:
    pytester.makepyfile(
        check_order="""
        import pytest

        def test_command_line(coldframe):
            assert coldframe._seed == 5
            assert "rabbitmq" in repr(coldframe)
            assert coldframe.now.year == 2029
            assert coldframe._allow == ("localhost:1025",)

        @pytest.mark.coldframe(seed=6, profile="redis")
        def test_marker(coldframe):
            assert coldframe._seed == 6
            assert "redis" in repr(coldframe)
        """
    )
    pytester.makeini(
        """
        [pytest]
        coldframe_app = shop
        coldframe_start = 2029-01-01T00:00+00:00
        coldframe_seed = 4
        coldframe_allow = localhost:1025
        """
    )
    result = run_pytest("shop", "check_order.py", "--coldframe-seed=5", "--coldframe-profile=rabbitmq", **BARE)
    result.assert_outcomes(passed=2)


def test_errors_of_configuration_are_short_and_say_what_to_do(run_pytest, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        check_errors="""
        import pytest

        @pytest.mark.coldframe("2026-01-05")
        def test_positional(coldframe): pass

        @pytest.mark.coldframe(undrained="ignore")
        def test_undrained(coldframe): pass

        @pytest.mark.coldframe(start="yesterday")
        def test_start(coldframe): pass

        @pytest.mark.coldframe(app="shop:ap")
        def test_app(coldframe): pass

        @pytest.mark.coldframe(app="broken")
        def test_broken(coldframe): pass

        @pytest.mark.coldframe(profile="rediss")
        def test_profile(coldframe): pass
        """,
        broken="import json\n\njson.loads('{')\n",
    )
    result = run_pytest("shop", "check_errors.py")
    result.assert_outcomes(errors=6)
    output = result.stdout.str()
    for line in (
        "the marker coldframe on 'test_positional' was given '2026-01-05' without a name",
        "undrained='ignore' is neither 'raise' nor 'allow'",
        "the start 'yesterday' is no moment in ISO form: Invalid isoformat string: 'yesterday'",
        "'shop:ap' names no Celery app: module 'shop' has no app called 'ap'",
        "hint: did you mean 'shop:app'?",
        "json.decoder.JSONDecodeError: Expecting property name",
        "hint: make 'import broken' work first: the traceback above shows where it fails",
        "there is no broker profile 'rediss'",
    ):
        assert line in output, line
    assert "src/coldframe" not in output


def test_without_configuration_the_only_app_there_is_is_taken(run_pytest, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        check_only="""
        from shop import charge

        def test_only(coldframe):
            assert charge.delay(7).get() == "paid 7"
            assert coldframe.app is charge.app
        """
    )
    result = run_pytest("shop", "check_only.py", **BARE)
    result.assert_outcomes(passed=1)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (NO_APP, "the project's Celery app was not found: no Celery app was made so far"),
        (
            TWO_APPS + NO_APP,
            "the project's Celery app was not found: there are 2 Celery apps: 'one', 'two'",
        ),
    ],
    ids=["no app", "two apps"],
)
def test_an_app_that_cannot_be_found_says_where_to_name_it(
    run_pytest, pytester: pytest.Pytester, source: str, said: str
) -> None:
    pytester.path.joinpath("check_none.py").write_text(source, "utf-8")
    result = run_pytest("shop", "check_none.py", **BARE)
    result.assert_outcomes(errors=1)
    assert said in result.stdout.str()
    assert '[tool.coldframe] app = "proj.celery:app"' in result.stdout.str()


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ('ap = "shop:app"', "[tool.coldframe] in pyproject.toml has the key 'ap'"),
        ('seed = "seven"', "the seed 'seven' is no whole number"),
    ],
)
def test_a_mistake_in_pyproject_is_told(run_pytest, pytester: pytest.Pytester, table: str, said: str) -> None:
    pytester.makepyfile(check_one="def test_one(coldframe): pass")
    pytester.path.joinpath("pyproject.toml").write_text(f"[tool.coldframe]\n{table}\n", "utf-8")
    result = run_pytest("shop", "check_one.py", **BARE)
    result.assert_outcomes(errors=1)
    assert said in result.stdout.str()
