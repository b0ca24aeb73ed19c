"""The same with classes, views, transactions and asyncio."""

from __future__ import annotations

import datetime as dt
import time
import unittest
from unittest import mock

import pytest
from asgiref.sync import sync_to_async
from django.test import SimpleTestCase, TestCase, TransactionTestCase
from django.utils import timezone

from billing.tasks import invoice
from visits import tasks
from visits.models import Entry, Visit

LIES = {
    "BrokenCallback::test_bill": "on_commit never ran",
    "Views::test_bill": "wrong queue",
    "test_count_of_nested": "runs differently",
    "test_nested_wrote": "runs after its sender",
    "Views::test_bill_is_not_written": "on_commit never ran",
    "Views::test_new_visit_is_not_reminded": "on_commit never ran",
    "TestDays::test_next_day": "countdown",
    "Async::test_invoice": "wrong queue",
    "test_async_invoice": "wrong queue",
}


def texts():
    return list(Entry.objects.order_by("pk").values_list("text", flat=True))


class Views(TestCase):
    @classmethod
    def setUpTestData(cls):
        cls.visit = Visit.objects.create(patient="Bob")

    def test_cancel(self):
        response = self.client.post(f"/visits/{self.visit.pk}/cancel/")
        self.assertEqual(response.status_code, 200)
        self.assertIn(f"cancelled {self.visit.pk}", texts())

    def test_bill(self):
        self.assertEqual(self.client.post(f"/visits/{self.visit.pk}/bill/").json(), {"billed": self.visit.pk})

    def test_bill_is_not_written(self):
        self.client.post("/visits/", {"patient": "Eve"}, content_type="application/json")
        self.assertEqual(Visit.objects.get(patient="Eve").reminded, 0)

    def test_new_visit_is_not_reminded(self):
        with mock.patch("visits.tasks.provider") as provider:
            self.client.post("/visits/", {"patient": "Eve"}, content_type="application/json")
        provider.assert_not_called()

    def test_new_visit_is_reminded(self):
        with self.captureOnCommitCallbacks(execute=True):
            self.client.post("/visits/", {"patient": "Eve"}, content_type="application/json")
        self.assertEqual(Visit.objects.get(patient="Eve").reminded, 1)

    def test_list(self):
        with self.assertNumQueries(3):
            self.client.get("/visits/")


class TestDays:
    @pytest.fixture(autouse=True)
    def _visits(self, db):
        self.visit = Visit.objects.create(patient="Cem")

    def test_day(self):
        tasks.close_day.delay(state="done")
        self.visit.refresh_from_db()
        assert self.visit.state == "done"

    def test_next_day(self):
        tasks.close_day.apply_async(eta=timezone.now() + dt.timedelta(days=1))
        self.visit.refresh_from_db()
        assert self.visit.state == "closed"


class Committed(TransactionTestCase):
    def test_day(self):
        Visit.objects.create(patient="Dan")
        tasks.close_day.delay()
        self.assertIn("closed 1", texts())


class Async(TestCase):
    async def test_note(self):
        await sync_to_async(tasks.note.delay)("async")
        self.assertEqual(await Entry.objects.acount(), 1)

    async def test_invoice(self):
        visit = await Visit.objects.acreate(patient="Flo")
        await sync_to_async(invoice.delay)(visit.pk)
        await visit.arefresh_from_db()
        self.assertEqual(visit.state, "billed")


@pytest.mark.django_db(transaction=True)
async def test_async_note():
    await sync_to_async(tasks.note.delay)("async")
    assert await Entry.objects.acount() == 1


@pytest.mark.django_db(transaction=True)
async def test_async_invoice():
    visit = await Visit.objects.acreate(patient="Flo")
    await sync_to_async(invoice.delay)(visit.pk)
    await visit.arefresh_from_db()
    assert visit.state == "billed"


class Plain(unittest.TestCase):
    def test_sleep(self):
        with mock.patch.object(time, "sleep"):
            self.assertIsNotNone(tasks.today.delay().get())


class Simple(SimpleTestCase):
    def test_today(self):
        self.assertIsNotNone(tasks.today.delay().get())


def test_printing(capsys):
    tasks.prints.delay()
    assert capsys.readouterr().out == "printed\n"


@pytest.mark.django_db
def test_count_of_nested():
    assert tasks.counts_nested.delay().get() == 1


@pytest.mark.django_db
def test_nested_wrote():
    tasks.writes_count_of_nested.delay()
    assert "count 1" in texts()


class BrokenCallback(TestCase):
    def test_bill(self):
        with mock.patch("visits.views.invoice", new=None):
            self.assertEqual(self.client.post("/visits/1/bill/").status_code, 200)


@unittest.skip("not today")
class Skipped(TestCase):
    def test_nothing(self):
        invoice.delay(1)


@pytest.mark.xfail(strict=True)
@pytest.mark.django_db
def test_expected_failure():
    tasks.note.delay("a")
    assert texts() == []
