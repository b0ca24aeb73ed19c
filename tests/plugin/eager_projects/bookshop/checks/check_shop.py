"""Tests as people write them for eager mode. `LIES` names those that pass only because of it, and why."""

from __future__ import annotations

import datetime as dt
from unittest import mock

import pytest
from celery import chain, chord, group
from celery.exceptions import Retry
from celery.result import EagerResult
from django.core import mail
from django.test import TestCase, TransactionTestCase, override_settings

from bookshop import gateway, tasks
from bookshop.models import Note, Order

pytestmark = pytest.mark.django_db

LIES = {
    "test_report_is_written": "wrong queue",
    "test_note_on_a_misspelled_queue": "wrong queue",
    "test_report_in_background": "wrong queue",
    "test_order_is_closed_in_an_hour": "countdown",
    "test_order_is_closed_at_a_moment": "countdown",
    "test_reminder_closes_the_order": "countdown",
    "test_expired_note": "expired",
    "test_customers_are_a_set": "result not serializable",
    "test_customers_are_counted": "result not serializable",
    "test_bounds_are_a_tuple": "result changes",
    "test_totals_have_years": "result changes",
    "test_kind_of_an_argument_in_a_chain": "argument changes",
    "test_object_in_a_chain": "argument not serializable",
    "test_payment_is_tried_four_times": "retry",
    "test_payment_succeeds_at_last": "retry",
    "test_payment_asks_for_a_retry": "retry",
    "test_payment_fails_in_the_end": "retry",
    "test_polite_payment_is_tried_three_times": "retry",
    "test_failing_chord_raises": "chord error",
    "test_failure_raises": "error stays with the worker",
    "test_careful_view_sees_the_failure": "error stays with the worker",
    "test_quiet_task_returns": "ignored result",
    "test_slow_task_finishes": "time limit",
    "test_lookups_are_all_done": "rate limit",
    "test_task_that_waits": "waits inside a task",
    "test_result_is_eager": "eager result",
    "CommittedOrders::test_no_mail_is_sent": "on_commit never ran",
    "OverriddenOrders::test_report": "wrong queue",
    "SetUpOrders::test_state": "countdown",
}


@pytest.fixture
def order():
    return Order.objects.create(customer="ann@example.org")


# --- queues -----------------------------------------------------------------------------------------------------


def test_receipt_is_mailed(order):
    tasks.mail_receipt.delay(order.pk)
    assert mail.outbox[0].to == ["ann@example.org"]


def test_report_is_written():
    tasks.make_report.delay("may")
    assert Note.objects.get().text == "report may"


def test_report_in_background():
    assert tasks.make_report.delay("may").successful()


def test_note_on_a_misspelled_queue():
    tasks.note.apply_async(["hello"], queue="mial")
    assert Note.objects.count() == 1


def test_note_on_a_declared_queue():
    tasks.note.apply_async(["hello"], queue="mails")
    assert Note.objects.count() == 1


def test_report_is_only_sent():
    with mock.patch("bookshop.tasks.make_report.delay") as delay:
        tasks.make_report.delay("may")
    delay.assert_called_once_with("may")


# --- time -------------------------------------------------------------------------------------------------------


def test_order_is_closed_in_an_hour(order):
    tasks.close_order.apply_async([order.pk], countdown=3600)
    order.refresh_from_db()
    assert order.state == "closed"


def test_order_is_closed_at_a_moment(order):
    tasks.close_order.apply_async([order.pk], eta=dt.datetime.now(dt.UTC) + dt.timedelta(days=1))
    order.refresh_from_db()
    assert order.state == "closed"


def test_reminder_is_accepted(client):
    assert client.post("/orders/later/", {"customer": "ann@example.org"}).status_code == 201


def test_reminder_closes_the_order(client):
    client.post("/orders/later/", {"customer": "ann@example.org"})
    assert Order.objects.get().state == "closed"


def test_result_after_a_countdown():
    assert tasks.add.apply_async([1, 2], countdown=60).get() == 3


def test_expired_note():
    tasks.note.apply_async(["late"], expires=dt.datetime.now(dt.UTC) - dt.timedelta(hours=1))
    assert Note.objects.count() == 1


def test_note_that_expires_later():
    tasks.note.apply_async(["in time"], expires=60)
    assert Note.objects.count() == 1


def test_slow_task_finishes():
    tasks.slow.delay()
    assert Note.objects.count() == 1


def test_lookups_are_all_done():
    for isbn in range(3):
        tasks.lookup.delay(isbn)
    assert Note.objects.count() == 3


def test_one_lookup_is_done():
    tasks.lookup.delay(1)
    assert Note.objects.count() == 1


# --- values -----------------------------------------------------------------------------------------------------


def test_sum():
    assert tasks.add.delay(1, 2).get() == 3


def test_sum_is_successful():
    result = tasks.add.delay(1, 2)
    assert result.successful()
    assert result.state == "SUCCESS"
    assert result.result == 3


def test_sum_applied():
    assert tasks.add.apply(args=[1, 2]).get() == 3


def test_sum_called():
    assert tasks.add(1, 2) == 3


def test_customers_are_a_set(order):
    assert tasks.customers.delay().get() == {"ann@example.org"}


def test_customers_are_counted(order):
    tasks.customers_and_note.delay()
    assert Note.objects.count() == 1


def test_bounds_are_a_tuple():
    assert tasks.bounds.delay().get() == (1, 10)


def test_bounds():
    low, high = tasks.bounds.delay().get()
    assert (low, high) == (1, 10)


def test_totals_have_years():
    assert tasks.totals.delay().get()[2025] == 7


def test_moment():
    assert tasks.moment.delay().get() == dt.datetime(2026, 1, 5, 9, tzinfo=dt.UTC)


def test_quiet_task_returns():
    assert tasks.quiet.delay("hush").get() == "hush"


def test_quiet_task_works():
    tasks.quiet.delay("hush")
    assert Note.objects.get().text == "hush"


def test_result_is_eager():
    assert isinstance(tasks.add.delay(1, 2), EagerResult)


# --- canvas -----------------------------------------------------------------------------------------------------


def test_group():
    assert group(tasks.add.s(n, n) for n in range(3))().get() == [0, 2, 4]


def test_chain():
    assert chain(tasks.add.s(1, 2), tasks.add.s(3))().get() == 6


def test_chord():
    assert chord([tasks.add.s(n, n) for n in range(3)], tasks.total.s())().get() == 6
    assert Note.objects.get().text == "total 6"


def test_chord_works():
    chord([tasks.add.s(n, n) for n in range(3)], tasks.total.s()).delay()
    assert Note.objects.get().text == "total 6"


def test_kind_of_an_argument_in_a_chain():
    assert chain(tasks.names_of_kinds.s((1, 2)), tasks.note.s())().get() == "tuple"


def test_object_in_a_chain():
    assert chain(tasks.names_of_kinds.s(object()), tasks.note.s())().get() == "object"


def test_failing_chord_raises():
    with pytest.raises(ValueError, match="broken"):
        chord([tasks.add.s(1, 1), tasks.fail.s("broken")], tasks.total.s()).delay()


def test_task_that_waits():
    assert chain(tasks.waits.si(), tasks.add.s(1))().get() == 5


# --- errors and retries -----------------------------------------------------------------------------------------


def test_failure_raises():
    with pytest.raises(ValueError, match="broken"):
        tasks.fail.delay("broken")


def test_failure_raises_from_the_result():
    with pytest.raises(ValueError, match="broken"):
        tasks.fail.delay("broken").get()


def test_failure_raises_when_applied():
    with pytest.raises(ValueError, match="broken"):
        tasks.fail.apply(args=["broken"])


def test_careful_view_sees_the_failure(client):
    assert client.post("/orders/careful/", {"customer": "ann@example.org"}).json() == {"state": "refused"}


def test_payment_asks_for_a_retry(order):
    with mock.patch("bookshop.gateway.charge", side_effect=gateway.Refused("no")), pytest.raises(Retry):
        tasks.pay.delay(order.pk)


def test_payment_is_tried_four_times(order, settings):
    settings.CELERY_TASK_EAGER_PROPAGATES = False
    with mock.patch("bookshop.gateway.charge", side_effect=gateway.Refused("no")) as charge:
        tasks.pay.delay(order.pk)
    assert charge.call_count == 4


def test_payment_fails_in_the_end(order, settings):
    settings.CELERY_TASK_EAGER_PROPAGATES = False
    with mock.patch("bookshop.gateway.charge", side_effect=gateway.Refused("no")):
        assert tasks.pay.delay(order.pk).failed()


def test_payment_succeeds_at_last(order, settings):
    settings.CELERY_TASK_EAGER_PROPAGATES = False
    with mock.patch("bookshop.gateway.charge", side_effect=[gateway.Refused("no"), "receipt"]):
        tasks.pay.delay(order.pk)
    order.refresh_from_db()
    assert (order.state, order.tries) == ("paid", 2)


def test_payment_gives_a_receipt_at_last(order, settings):
    settings.CELERY_TASK_EAGER_PROPAGATES = False
    with mock.patch("bookshop.gateway.charge", side_effect=[gateway.Refused("no"), "receipt"]):
        assert tasks.pay.delay(order.pk).get() == "receipt"


def test_payment_succeeds_at_once(order):
    with mock.patch("bookshop.gateway.charge", return_value="receipt"):
        tasks.pay.delay(order.pk)
    order.refresh_from_db()
    assert (order.state, order.tries) == ("paid", 1)


@override_settings(CELERY_TASK_EAGER_PROPAGATES=False)
def test_polite_payment_is_tried_three_times(order):
    with mock.patch("bookshop.gateway.charge", side_effect=gateway.Refused("no")) as charge:
        tasks.pay_politely.delay(order.pk)
    assert charge.call_count == 3


# --- Django -----------------------------------------------------------------------------------------------------


class Orders(TestCase):
    @classmethod
    def setUpTestData(cls):
        cls.order = Order.objects.create(customer="bob@example.org")

    def test_receipt(self):
        tasks.mail_receipt.delay(self.order.pk)
        self.assertEqual(len(mail.outbox), 1)

    def test_view(self):
        self.client.post("/orders/", {"customer": "ann@example.org"})
        self.assertEqual(mail.outbox[0].to, ["ann@example.org"])

    def test_subtests(self):
        for number in range(2):
            with self.subTest(number=number):
                self.assertEqual(tasks.add.delay(number, 1).get(), number + 1)


class CommittedOrders(TestCase):
    def test_no_mail_is_sent(self):
        self.client.post("/orders/committed/", {"customer": "ann@example.org"})
        self.assertEqual(len(mail.outbox), 0)

    def test_order_is_created(self):
        response = self.client.post("/orders/committed/", {"customer": "ann@example.org"})
        self.assertEqual(response.status_code, 201)

    def test_mail_is_sent_on_commit(self):
        with self.captureOnCommitCallbacks(execute=True) as callbacks:
            self.client.post("/orders/committed/", {"customer": "ann@example.org"})
        self.assertEqual(len(callbacks), 1)
        self.assertEqual(len(mail.outbox), 1)


class ReallyCommittedOrders(TransactionTestCase):
    def test_mail_is_sent(self):
        self.client.post("/orders/committed/", {"customer": "ann@example.org"})
        self.assertEqual(len(mail.outbox), 1)


@override_settings(CELERY_TASK_ALWAYS_EAGER=True)
class OverriddenOrders(TestCase):
    def test_report(self):
        tasks.make_report.delay("june")
        self.assertTrue(Note.objects.exists())

    @override_settings(CELERY_TASK_EAGER_PROPAGATES=False)
    def test_failure_is_kept(self):
        self.assertTrue(tasks.fail.delay("kept").failed())


class SetUpOrders(TestCase):
    def setUp(self):
        self.order = Order.objects.create(customer="cem@example.org")
        tasks.close_order.apply_async([self.order.pk], countdown=10)

    def test_state(self):
        self.order.refresh_from_db()
        self.assertEqual(self.order.state, "closed")

    def test_customer(self):
        self.order.refresh_from_db()
        self.assertEqual(self.order.customer, "cem@example.org")
