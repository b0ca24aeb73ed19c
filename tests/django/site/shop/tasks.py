"""Tasks that use the database in every way that matters."""

from __future__ import annotations

import os
import time

from celery import shared_task
from django.db import IntegrityError, connection, connections, transaction
from django.utils import timezone
from django_celery_beat.models import PeriodicTask

from shop.models import Note, Order


@shared_task
def note(text):
    """Leave a line behind."""
    Note.objects.create(text=text)
    return text


@shared_task
def ship(number):
    """Mark an order, and tell once that is certain."""
    with transaction.atomic():
        Order.objects.filter(number=number).update(state="shipped")
        note.delay_on_commit(f"shipped {number}")
        note.delay(f"shipping {number}")


@shared_task
def ship_and_fail(number):
    """The transaction is rolled back, after a message went out."""
    with transaction.atomic():
        Order.objects.filter(number=number).update(state="shipped")
        note.delay_on_commit("never")
        note.delay("too early")
        raise RuntimeError("no stock")


@shared_task
def slow(name, *, seconds=10, fail=False, using="default", kind=None):
    """A transaction that takes its time."""
    with transaction.atomic(using=using, **(kind or {})):
        Note.objects.using(using).create(text=f"{name} begins")
        time.sleep(seconds)
        with transaction.atomic(using=using):
            Note.objects.using(using).create(text=f"{name} ends")
        if fail:
            raise RuntimeError(name)
    return timezone.now().isoformat()


@shared_task
def crossed(first, second):
    """Two transactions, one in each database, in the order that is asked for."""
    with transaction.atomic(using=first):
        Note.objects.using(first).create(text=f"{first} first")
        time.sleep(5)
        with transaction.atomic(using=second):
            Note.objects.using(second).create(text=f"{second} second")


@shared_task
def waits_inside(name):
    """Waits for another task inside a transaction, which Celery advises against."""
    with transaction.atomic():
        result = slow.delay(name, seconds=2)
        time.sleep(1)
        return result.get(disable_sync_subtasks=False)


@shared_task
def twice(number):
    """Catches what only a transaction of its own survives."""
    try:
        Order.objects.create(number=number)
        Order.objects.create(number=number)
    except IntegrityError:
        return Order.objects.filter(number=number).count()
    return 0


@shared_task
def sends():
    """Sends a message inside a transaction that takes long, to be read in a minute."""
    with transaction.atomic():
        note.apply_async(["early"], countdown=60, queue="two")
        time.sleep(10)


@shared_task
def dies(number):
    """Its process ends inside a transaction."""
    with transaction.atomic():
        Order.objects.create(number=number)
        with transaction.atomic(savepoint=False):
            Note.objects.create(text="almost")
            os._exit(3)


@shared_task
def locks(number):
    """Takes a lock outside any transaction, where it would be gone at once."""
    return Order.objects.select_for_update().get(number=number).state


@shared_task
def locks_in_block(number):
    """Takes a lock where it lasts."""
    with transaction.atomic():
        return Order.objects.select_for_update().get(number=number).state


@shared_task
def closes():
    """Closes its connections, as many do."""
    connection.close()
    connections.close_all()
    return Note.objects.count()


@shared_task
def leaves_open(name):
    """Forgets to leave its block."""
    transaction.atomic().__enter__()
    Note.objects.create(text=name)


@shared_task
def disable(name):
    """Change the schedule from inside a task, and go on for long."""
    entry = PeriodicTask.objects.get(name=name)
    entry.enabled = False
    entry.save()
    time.sleep(3600)


@shared_task
def moment():
    """What Django takes for the present."""
    return timezone.now().isoformat()
