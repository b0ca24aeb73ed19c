"""Test cases that fail; a report must have the story."""

from __future__ import annotations

import unittest

import pytest

from coldframe.testing import CeleryTestCase
from shop import app, charge


class FixtureTest(unittest.TestCase):
    @pytest.fixture(autouse=True)
    def _bench(self, coldframe):
        self.bench = coldframe

    def test_wrong(self):
        self.assertEqual(charge.delay(7).get(), "lost")

    def test_undrained(self):
        charge.delay(7)


class BenchTest(CeleryTestCase):
    app = app

    def test_right(self):
        charge.delay(7)
        self.bench.drain()
        self.assertRan(charge, times=1)

    def test_wrong(self):
        charge.delay(7)
        self.assertQueued(charge, args=[8])

    def test_undrained(self):
        charge.delay(7)
