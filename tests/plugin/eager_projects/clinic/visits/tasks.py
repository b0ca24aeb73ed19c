from __future__ import annotations

import random

from celery import Task, shared_task
from celery.utils.log import get_task_logger
from django.core.cache import cache
from django.db import transaction
from django.utils import timezone

from config.celery import app
from visits.models import Entry, Visit

logger = get_task_logger(__name__)


class Unreachable(Exception):
    pass


def provider(visit_id):
    return "sent"


@shared_task
def index_visit(visit_id):
    Entry.objects.create(text=f"indexed {visit_id}")


@shared_task(bind=True, autoretry_for=(Unreachable,), retry_backoff=True, max_retries=4)
def remind(self, visit_id):
    provider(visit_id)
    Visit.objects.filter(pk=visit_id).update(reminded=self.request.retries + 1)


class LockedTask(Task):
    abstract = True

    def __call__(self, *args, **kwargs):
        if not cache.add(f"lock:{self.name}", 1, 60):
            return "locked"
        return super().__call__(*args, **kwargs)


@app.task(base=LockedTask, name="visits.count")
def count_visits():
    return Visit.objects.count()


class CloseDay(Task):
    name = "visits.tasks.close_day"

    def run(self, state="closed"):
        with transaction.atomic():
            changed = Visit.objects.filter(state="planned").update(state=state)
            transaction.on_commit(lambda: note.delay(f"closed {changed}"))
        return changed


close_day = app.register_task(CloseDay())


@shared_task
def note(text):
    Entry.objects.create(text=text)
    return text


@shared_task
def summary(results):
    Entry.objects.create(text=f"summary of {len(results)}")


@shared_task
def ids():
    return Visit.objects.values_list("pk", flat=True)


@shared_task
def visit_of(visit_id):
    return Visit.objects.get(pk=visit_id)


@shared_task
def first_visit():
    return Visit.objects.first()


@shared_task
def today():
    return timezone.now()


@shared_task
def sometimes():
    if random.random() < 2:
        raise Unreachable("nobody there")


@shared_task(bind=True, max_retries=None)
def poll(self, rounds):
    if self.request.retries < rounds:
        raise self.retry(countdown=1)
    Entry.objects.create(text="polled")


@shared_task
def forget(request, exc, traceback):
    Entry.objects.create(text=f"forgot {exc}")


@shared_task(expires=0)
def fleeting():
    Entry.objects.create(text="fleeting")


@shared_task
async def hello():
    Entry.objects.create(text="hello")


@shared_task(serializer="pickle")
def pickled(value):
    Entry.objects.create(text=type(value).__name__)


@shared_task
def cascade(depth):
    Entry.objects.create(text=f"depth {depth}")
    if depth:
        cascade.delay(depth - 1)
    return depth


@shared_task
def delayed_cascade():
    note.apply_async(["at last"], countdown=120)


@shared_task
def prints():
    print("printed")


@shared_task
def counts_nested():
    note.delay("nested")
    return Entry.objects.count()


@shared_task
def writes_count_of_nested():
    note.delay("nested")
    Entry.objects.create(text=f"count {Entry.objects.count()}")
