"""The app."""

from __future__ import annotations

from celery import Celery

app = Celery("shop", broker="amqp://shop@broker.internal//", include=["shop.tasks"])
app.conf.update(task_acks_late=True, task_reject_on_worker_lost=True, task_ignore_result=True)
app.conf.beat_schedule = {"every night": {"task": "shop.tell_all", "schedule": 86400, "args": [["ada"]]}}
