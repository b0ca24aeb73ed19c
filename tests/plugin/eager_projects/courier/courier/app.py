from __future__ import annotations

from celery import Celery

app = Celery("courier", broker="redis://broker.example", backend="redis://results.example", include=["courier.tasks"])
app.conf.task_routes = ([("courier.tasks.letter*", {"queue": "letters"}), ("courier.tasks.freight", "lorries")],)
