"""Test cases of unittest, run by unittest itself."""

from __future__ import annotations

import unittest

import pytest
from celery import Celery

from coldframe.testing import CeleryTestCase

app = Celery("press", broker="redis://broker.internal", backend="redis://results.internal", set_as_current=False)


@app.task(name="press.print_page", shared=False)
def print_page(number, fail=False):
    if fail:
        raise ValueError(f"no ink for page {number}")
    return number


def run(test: type[CeleryTestCase]) -> unittest.TestResult:
    result = unittest.TestResult()
    unittest.defaultTestLoader.loadTestsFromTestCase(test).run(result)
    return result


def test_a_test_that_is_right_passes() -> None:
    class Right(CeleryTestCase):
        app = app
        bench_options = {"profile": "rabbitmq", "start": "2027-01-01T00:00+00:00"}

        def setUp(self):
            print_page.delay(1)

        def test_right(self):
            self.assertQueued(print_page, args=[1])
            self.assertEqual(self.bench.now.year, 2027)
            self.bench.drain()
            self.assertRan(print_page, times=1)
            self.assertNotQueued(print_page)

        def test_again(self):
            self.bench.drain()
            self.assertRan(print_page, times=1)

    result = run(Right)
    assert (result.testsRun, result.failures, result.errors) == (2, [], [])


def test_complaints_fail_the_test_and_come_with_the_story() -> None:
    class Wrong(CeleryTestCase):
        app = app

        def test_failed(self):
            print_page.delay(1, fail=True)
            self.bench.drain()

        def test_undrained(self):
            print_page.delay(1)

        def test_own_failure(self):
            print_page.delay(1)
            self.assertEqual(1, 2)

        def test_skipped(self):
            print_page.delay(1)
            self.skipTest("enough")

    result = run(Wrong)
    told = {test.id().rpartition(".")[2]: text for test, text in [*result.failures, *result.errors]}
    assert told.keys() == {"test_failed", "test_undrained", "test_own_failure"}
    assert "TaskFailed: task press.print_page" in told["test_failed"]
    assert "ValueError: no ink for page 1" in told["test_failed"]
    assert "NeverRun: 1 task was sent and never run" in told["test_undrained"]
    assert "AssertionError: 1 != 2" in told["test_own_failure"]
    assert all("coldframe timeline (last 25 events)" in text for text in told.values())
    assert len(result.skipped) == 1


def test_options_that_are_no_options_of_the_bench_work_too() -> None:
    class Options(CeleryTestCase):
        app = app
        bench_options = {"beat": True, "undrained": "allow"}

        def test_left(self):
            self.assertEqual(len(self.bench.trace), 0)
            print_page.delay(1)

    result = run(Options)
    assert (result.failures, result.errors) == ([], [])


def test_a_bench_that_cannot_be_opened_is_an_error_of_the_test() -> None:
    class Broken(CeleryTestCase):
        app = app
        bench_options = {"profile": "carrier pigeon"}

        def test_never(self):
            raise AssertionError("it must not run")

    result = run(Broken)
    assert "UnknownProfile: there is no broker profile 'carrier pigeon'" in result.errors[0][1]


def test_a_name_that_is_not_there_is_told() -> None:
    import coldframe.testing

    with pytest.raises(AttributeError, match=r"module 'coldframe\.testing' has no attribute 'CeleryTestCse'"):
        coldframe.testing.CeleryTestCse  # noqa: B018
