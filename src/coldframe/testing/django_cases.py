"""The test case of Django that holds a bench; imported only by who uses it."""

from __future__ import annotations

from django.test import TestCase

from coldframe.testing.cases import HoldsBench


class DjangoCeleryTestCase(HoldsBench, TestCase):  # type: ignore[misc]
    """A `django.test.TestCase` with a bench on the project's app, open during each test as `self.bench`.

    The bench is opened inside the test's transaction: what waits for a commit runs when the code under test
    leaves its outermost `atomic` block. See `CeleryTestCase`.
    """
