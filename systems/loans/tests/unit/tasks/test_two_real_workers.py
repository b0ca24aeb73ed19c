"""Two sweeps in two threads with a connection each, on a server: the database itself decides who sends what."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Lock

import pytest
from django.db import connection, connections

from applications.models import Stage
from applications.reminders.repayments import remind_of_repayments
from core.clock import today
from core.models import DeliveryLedger
from documents.models import Repayment
from tests.factories import ApplicationFactory, BDMFactory, BorrowerFactory, RepaymentFactory

pytestmark = [
    pytest.mark.task,
    pytest.mark.integration,
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor == "sqlite", reason="needs a database server: see POSTGRES_TEST_DB"),
]


def test_each_message_is_sent_by_one_of_them() -> None:
    bd = BDMFactory()
    for number in range(60):
        people = [BorrowerFactory(email=f"{name}{number}@example.com") for name in "ab"]
        application = ApplicationFactory(stage=Stage.FUNDED, bd=bd, borrowers=people)
        RepaymentFactory(application=application, due_date=today())
    sent: Counter[str] = Counter()
    lock, start = Lock(), Barrier(4)

    def send(*, subject: str, message: str, recipient_list: list[str]) -> int:
        with lock:
            sent.update(recipient_list)
        return 1

    def worker(_number: int) -> int:
        try:
            start.wait(timeout=30)
            return remind_of_repayments(send).sent
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(worker, range(4)))
    assert (sum(results), len(sent), set(sent.values())) == (120, 120, {1})
    assert Repayment.objects.filter(reminder_sent=True).count() == 60
    assert set(DeliveryLedger.objects.values_list("status", "attempts")) == {("sent", 1)}
