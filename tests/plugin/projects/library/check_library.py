"""Tests of a Django project: the app is found beside the settings, and commits are what the code under test sees."""

from __future__ import annotations

import pytest
from books.models import Book
from books.tasks import lend
from django.db import transaction
from django.test import TestCase

from coldframe import Mismatch
from coldframe.testing import DjangoCeleryTestCase, perform


def order(book):
    with transaction.atomic():
        book.save()
        transaction.on_commit(lambda: lend.delay(book.pk))


def is_lent(book):
    return Book.objects.get(pk=book.pk).lent


@pytest.mark.django_db
def test_with_the_marker_of_django(coldframe):
    book = Book.objects.create(title="Emma")
    order(book)
    coldframe.drain()
    assert is_lent(book)


def test_with_the_database_asked_for_after_the_bench(coldframe, db):
    book = Book.objects.create(title="Emma")
    order(book)
    coldframe.drain()
    assert is_lent(book)


def test_with_real_transactions(coldframe, transactional_db):
    book = Book.objects.create(title="Emma")
    order(book)
    coldframe.drain()
    assert is_lent(book)


def test_without_a_database(coldframe):
    assert coldframe.app.main == "library"


def test_a_model_instance_is_no_argument(coldframe, db):
    book = Book.objects.create(title="Emma")
    with pytest.raises(Mismatch, match=r"args\[0\] is the model instance <Book: Book object \(\d+\)>: pass its pk"):
        perform(lend, book)
    assert perform(lend, book.pk) == 1


class FixtureTest(TestCase):
    @pytest.fixture(autouse=True)
    def _bench(self, coldframe):
        self.bench = coldframe

    def test_on_commit(self):
        book = Book.objects.create(title="Emma")
        order(book)
        self.bench.drain()
        self.assertTrue(is_lent(book))

    def test_again_from_the_start(self):
        self.assertEqual(Book.objects.count(), 0)


class BenchTest(DjangoCeleryTestCase):
    @classmethod
    def setUpTestData(cls):
        cls.book = Book.objects.create(title="Emma")

    def setUp(self):
        order(self.book)

    def test_on_commit(self):
        self.bench.drain()
        self.assertRan(lend, times=1)
        self.assertTrue(is_lent(self.book))

    def test_queued(self):
        self.assertQueued(lend, args=[self.book.pk])
        self.assertNotQueued(lend, args=[0])


class UndrainedTest(TestCase):
    @pytest.fixture(autouse=True)
    def _bench(self, coldframe):
        self.bench = coldframe

    def test_says_so(self):
        order(Book.objects.create(title="Emma"))
