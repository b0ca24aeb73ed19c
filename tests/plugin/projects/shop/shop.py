"""A shop as users write one."""

from __future__ import annotations

from celery import Celery

app = Celery("shop", broker="redis://broker.internal", backend="redis://results.internal")
app.conf.task_routes = {"shop.receipt": {"queue": "mail"}}
app.conf.beat_schedule = {"stock": {"task": "shop.count_stock", "schedule": 3600}}


@app.task(name="shop.charge", bind=True, max_retries=3)
def charge(self, order_id, fail=False):
    if fail:
        raise ValueError(f"no money for order {order_id}")
    return f"paid {order_id}"


@app.task(name="shop.receipt")
def receipt(order_id):
    return order_id


@app.task(name="shop.poll", bind=True, max_retries=None)
def poll(self):
    raise self.retry(countdown=60)


@app.task(name="shop.add")
def add(a, b):
    return a + b


@app.task(name="shop.total")
def total(parts):
    return sum(parts)


@app.task(name="shop.count_stock")
def count_stock():
    return 12


@app.task(name="shop.thank")
def thank(result):
    raise KeyError("customer")


@app.task(name="shop.on_error")
def on_error(request, error, traceback):
    raise KeyError("order")


@app.task(name="shop.place")
def place(order_id):
    charge.delay(order_id)
