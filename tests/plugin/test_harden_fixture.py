"""The fixture `harden`: scenarios are broken in a test, with the rows that the test made, and without Django."""

from __future__ import annotations

from typing import Any

import pytest

pytest_plugins = ["pytester"]

DJANGO = ("pytest_django.plugin",)

LIBRARY = """
import pytest
from books.models import Book
from books.tasks import lend
from django.core.mail import send_mail


@pytest.fixture
def book(db):
    return Book.objects.create(title="Emma")


def is_lent(bench):
    assert Book.objects.get().lent


@pytest.mark.harden(faults="twice")
def test_rows_of_the_test_are_there_in_each_run_and_unchanged_after_it(harden, book):
    seen = []
    def play(bench):
        seen.append(Book.objects.get(pk=book.pk).lent)
        lend.delay(book.pk)
    result = harden(play, is_lent)
    assert result.held
    assert seen == [False] * (2 + len(result.reports))
    assert {report.fault for report in result.reports} == {"redeliver"}
    assert Book.objects.get().lent is False


@pytest.mark.django_db(transaction=True)
def test_rows_of_a_real_transaction_too(harden):
    book = Book.objects.create(title="Persuasion")
    assert harden(lambda bench: lend.delay(book.pk), is_lent, faults="twice").held


def test_asked_for_before_the_database(harden, transactional_db):
    book = Book.objects.create(title="Sanditon")
    assert harden(lambda bench: lend.delay(book.pk), is_lent, faults="twice").held


def test_what_a_set_up_makes_is_gone_afterwards(harden, db):
    for _ in range(2):
        harden(
            lambda bench: lend.delay(Book.objects.get().pk),
            is_lent,
            setup=lambda: Book.objects.create(title="Emma"),
            faults="twice",
        )
    assert not Book.objects.exists()


@pytest.mark.django_db
class TestInAClass:
    def test_a_promise_that_breaks_is_a_failure_of_the_test(self, harden, book):
        harden(lambda bench: lend.delay(book.pk), lambda bench: not bench.runs(lend)[1:], faults="twice")
"""

SHOP = """
import coldframe
import pytest
from shop import app


@app.task(name="shop.tell", acks_late=True, reject_on_worker_lost=True)
def tell(name):
    with coldframe.effect("sms", f"to {name}"):
        pass


@pytest.mark.harden(faults="kills", runs=2, budget="1m")
def test_marker(harden):
    assert len(harden(lambda bench: tell.delay("ada"), check=False).reports) == 2


@pytest.mark.harden(faults="kills", runs=2, budget="1m")
def test_call_goes_before_marker(harden):
    assert len(harden(lambda bench: tell.delay("ada"), check=False, runs=1).reports) == 1


def test_budget_of_the_command_line(harden):
    result = harden(lambda bench: tell.delay("ada"), check=False)
    assert (len(result.reports), result.complete) == (1, False)


@coldframe.scenario(faults="kills")
def telling(bench):
    tell.delay("ada")


def test_two_scenarios(harden):
    first, second = harden(telling, check=False, budget="1m"), harden(telling, check=False, budget="1m")
    assert [result.scenario for result in (first, second)] == [
        "check_shop.py::test_two_scenarios", "check_shop.py::test_two_scenarios#2"
    ]
    assert not first.held


def test_broken(harden):
    harden(telling, budget="1m")
"""

MISTAKES = """
import pytest


@pytest.mark.harden("10s")
def test_positional(harden):
    pass


@pytest.mark.harden(bugdet="10s")
def test_unknown(harden):
    pass


def test_name(harden):
    harden(lambda bench: None, name="mine")


def test_nothing(harden):
    harden(lambda bench: None)


def test_on_a_bench(harden, coldframe):
    harden(lambda bench: None)
"""


def test_with_pytest_django_the_rows_of_the_test_are_part_of_each_run(run_pytest: Any, pytester: Any) -> None:
    pytester.makepyfile(check_harden=LIBRARY)
    result = run_pytest("library", "check_harden.py", "--ds=config.settings.test", plugins=DJANGO)
    result.assert_outcomes(passed=4, failed=1)
    result.stdout.fnmatch_lines(
        [
            "E *NotHardened: check_harden.py::TestInAClass::test_a_promise_that_breaks_*: * broken runs in *",
            "E *coldframe replay check_harden.py::TestInAClass::test_a_promise_that_breaks_*/*redeliver",
        ]
    )
    result.stdout.no_fnmatch_line("*src/coldframe*")
    result.stdout.no_fnmatch_line("*Captured log*")


def test_without_django_marker_options_and_calls_say_how(run_pytest: Any, pytester: Any) -> None:
    pytester.makepyfile(check_shop=SHOP)
    result = run_pytest("shop", "check_shop.py", "--coldframe-budget=1ms", "--coldframe-app=shop:app")
    result.assert_outcomes(passed=4, failed=1)
    result.stdout.fnmatch_lines(
        ["E *coldframe replay --pytest=--coldframe-app=shop:app check_shop.py::test_broken/2+kill-process"]
    )


def test_mistakes_are_told_shortly(run_pytest: Any, pytester: Any) -> None:
    pytester.makepyfile(check_wrong=MISTAKES)
    result = run_pytest("shop", "check_wrong.py")
    result.assert_outcomes(errors=2, failed=3)
    output = result.stdout.str()
    for line in (
        "the marker harden on 'test_positional' was given '10s' without a name",
        "the marker harden on 'test_unknown' has no option 'bugdet'\n  hint: did you mean 'budget'?",
        "the fixture harden has no option 'name'",
        "check_wrong.py::test_nothing touches nothing outside, so nothing can break",
        "a bench was opened while another one is open, and a process has only one time",
    ):
        assert line in output.replace("\nE  ", "\n"), line
    assert "src/coldframe" not in output


@pytest.mark.parametrize("wanted", ["nonsense", "#2/"])
def test_a_replay_of_no_plan_is_a_wrong_usage(run_pytest: Any, pytester: Any, wanted: str) -> None:
    pytester.makepyfile(check_none="def test_none(harden): pass")
    result = run_pytest("shop", "check_none.py", f"--coldframe-replay={wanted}")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: '*' says no fault", "  hint: copy the whole id from the report: *"])
