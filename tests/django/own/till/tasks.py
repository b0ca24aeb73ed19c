"""Tasks that take from an account in the ways that people do."""

from __future__ import annotations

import time

from celery import shared_task
from django.db import transaction
from django.db.models import F

from till.models import Account


@shared_task(acks_late=True)
def pay_as_read(key):
    """Write back what was read some time ago."""
    with transaction.atomic():
        account = Account.objects.get(pk=key)
        time.sleep(10)
        account.balance -= 30
        account.save()


@shared_task(acks_late=True)
def pay_under_lock(key):
    """Lock the row before it is read."""
    with transaction.atomic():
        account = Account.objects.select_for_update().get(pk=key)
        time.sleep(10)
        account.balance -= 30
        account.save()


@shared_task(acks_late=True)
def pay_if_enough(key):
    """Let the database decide."""
    with transaction.atomic():
        time.sleep(1)
        paid = Account.objects.filter(pk=key, balance__gte=60).update(balance=F("balance") - 60)
        time.sleep(10)
        return paid


@shared_task
def move(first, second, pause):
    """From one account to the other, with a pause in between."""
    with transaction.atomic():
        Account.objects.filter(pk=first).update(balance=F("balance") - 1)
        time.sleep(pause)
        Account.objects.filter(pk=second).update(balance=F("balance") + 1)
