from __future__ import annotations

import datetime as dt
import time

from celery import Task, shared_task
from django.core.mail import send_mail

from bookshop import gateway
from bookshop.models import Note, Order


@shared_task
def mail_receipt(order_id):
    order = Order.objects.get(pk=order_id)
    send_mail("Receipt", f"order {order.pk}", "shop@example.org", [order.customer])
    return order.pk


@shared_task
def make_report(name):
    Note.objects.create(text=f"report {name}")
    return name


@shared_task
def close_order(order_id):
    Order.objects.filter(pk=order_id).update(state="closed")


@shared_task
def customers():
    return set(Order.objects.values_list("customer", flat=True))


@shared_task
def customers_and_note():
    Note.objects.create(text="customers counted")
    return set(Order.objects.values_list("customer", flat=True))


@shared_task
def bounds():
    return (1, 10)


@shared_task
def totals():
    return {2025: 7}


@shared_task
def moment():
    return dt.datetime(2026, 1, 5, 9, tzinfo=dt.UTC)


@shared_task(bind=True, max_retries=3, default_retry_delay=60)
def pay(self, order_id):
    Order.objects.filter(pk=order_id).update(tries=self.request.retries + 1)
    try:
        receipt = gateway.charge(order_id)
    except gateway.Refused as error:
        raise self.retry(exc=error) from error
    Order.objects.filter(pk=order_id).update(state="paid")
    return receipt


@shared_task(autoretry_for=(gateway.Refused,), retry_backoff=30, retry_jitter=False, max_retries=2)
def pay_politely(order_id):
    return gateway.charge(order_id)


@shared_task
def add(x, y):
    return x + y


@shared_task
def total(numbers):
    Note.objects.create(text=f"total {sum(numbers)}")
    return sum(numbers)


@shared_task
def fail(text):
    raise ValueError(text)


@shared_task
def note(text):
    Note.objects.create(text=text)
    return text


@shared_task
def note_failure(request, exc, traceback):
    Note.objects.create(text=f"failed: {exc!r}")


@shared_task(ignore_result=True)
def quiet(text):
    Note.objects.create(text=text)
    return text


@shared_task(time_limit=1)
def slow():
    time.sleep(2)
    Note.objects.create(text="slow is done")


@shared_task(rate_limit="1/m")
def lookup(isbn):
    Note.objects.create(text=f"isbn {isbn}")


@shared_task
def waits():
    return add.delay(1, 2).get() + 1


@shared_task
def names_of_kinds(value):
    return type(value).__name__


class Audit(Task):
    name = "bookshop.audit"

    def run(self, text):
        Note.objects.create(text=f"audit {text}")
        return len(text)
