"""An import on the bench: whatever happens to its workers, each line is booked once."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from coldframe import Bench
from django.core.files.base import ContentFile
from django.db import OperationalError, connection

from documents import bank_import
from documents.models import BadLine, BankTransaction, Ledger, Repayment, RepaymentImport
from documents.tasks import import_repayments
from tests.factories import AccountsUserFactory, ApplicationFactory

pytestmark = [pytest.mark.component, pytest.mark.task, pytest.mark.django_db]

ROWS = 60
BAD = 7
QUEUE = ["documents"]


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bank_import, "BATCH", 10)


@pytest.fixture
def slow_storage(settings: Any) -> None:
    """Each line of a file takes a second to arrive."""
    storage = {"BACKEND": "tests.component.documents.slow_storage.SlowStorage"}
    settings.STORAGES = {**settings.STORAGES, "default": storage}


@contextmanager
def slow_database() -> Iterator[None]:
    """Each payment takes a second to be written, inside the transaction of its batch."""
    table = connection.ops.quote_name(BankTransaction._meta.db_table)

    def slowly(execute, sql, params, many, context):
        if sql.startswith(f"INSERT INTO {table}"):
            time.sleep(1)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(slowly):
        yield


def uploaded() -> RepaymentImport:
    """A file that pays all instalments of an application, with a line in between that cannot be booked."""
    application = ApplicationFactory()
    Repayment.objects.bulk_create(
        Repayment(application=application, amount=Decimal(100), due_date=date(2026, 1, 1)) for _ in range(ROWS)
    )
    lines = [f"B{number},2026-01-02,100.00,{application.reference_number}" for number in range(ROWS)]
    lines.insert(BAD, "B-bad,2026-01-02,7.00,APP-UNKNOWN")
    content = "\n".join(["reference,date,amount,application", *lines])
    return bank_import.start(ContentFile(content.encode(), name="bank.csv"), AccountsUserFactory())


def all_booked_once(source: RepaymentImport) -> bool:
    """Each instalment is paid by one payment and in the ledger once, and the bad line is reported by its number."""
    source.refresh_from_db()
    assert (source.status, source.lines_read) == ("done", ROWS + 2)
    assert (source.booked, source.known_before, source.bad_lines) == (ROWS, 0, 1)
    assert not Repayment.objects.filter(paid_date__isnull=True).exists()
    assert BankTransaction.objects.values("repayment").distinct().count() == BankTransaction.objects.count() == ROWS
    assert Ledger.objects.values("related_repayment").distinct().count() == Ledger.objects.count() == ROWS
    assert [bad.line for bad in BadLine.objects.all()] == [BAD + 2]
    return True


@pytest.mark.parametrize("seconds", [1, 5, 25, 48, 61])
def test_a_node_that_dies_while_it_reads_is_followed_by_another(
    coldframe: Bench, slow_storage: None, seconds: int
) -> None:
    source = uploaded()
    coldframe.node("first", queues=QUEUE)
    import_repayments.delay(source.pk)
    coldframe.advance(seconds=seconds)
    coldframe.kill("first")
    source.refresh_from_db()
    assert (source.status, source.booked < ROWS) == ("running", True)
    coldframe.node("second", queues=QUEUE)
    coldframe.drain()
    assert all_booked_once(source)
    assert [(run.state, run.node) for run in coldframe.runs(import_repayments)] == [
        ("LOST", "first"),
        ("SUCCESS", "second"),
    ]


@pytest.mark.parametrize("seconds", [0.5, 10, 33.3, 59.5])
def test_a_node_that_dies_while_it_books_leaves_whole_batches(coldframe: Bench, seconds: float) -> None:
    source = uploaded()
    with slow_database():
        coldframe.node("first", queues=QUEUE)
        import_repayments.delay(source.pk)
        coldframe.advance(seconds=seconds)
        coldframe.kill("first")
        source.refresh_from_db()
        assert source.lines_read in {0, *range(11, ROWS + 2, 10)}
        assert BankTransaction.objects.count() == Ledger.objects.count() == source.booked
        coldframe.node("second", queues=QUEUE)
        coldframe.drain()
    assert all_booked_once(source)


def test_two_nodes_that_run_the_same_import_share_it(coldframe: Bench, slow_storage: None) -> None:
    """As when a broker takes the first node for dead and delivers its message again."""
    source = uploaded()
    coldframe.node("first", queues=QUEUE, concurrency=1)
    coldframe.node("second", queues=QUEUE, concurrency=1)
    import_repayments.delay(source.pk)
    import_repayments.delay(source.pk)
    coldframe.drain()
    assert all_booked_once(source)
    assert {run.node for run in coldframe.runs(import_repayments)} == {"first", "second"}


def test_two_files_with_the_same_payments_book_them_once(coldframe: Bench) -> None:
    source = uploaded()
    with source.file.open("rb") as stream:
        again = bank_import.start(ContentFile(stream.read(), name="again.csv"), source.created_by)
    with slow_database():
        coldframe.node("first", queues=QUEUE)
        coldframe.node("second", queues=QUEUE)
        import_repayments.delay(source.pk)
        import_repayments.delay(again.pk)
        coldframe.drain()
    source.refresh_from_db()
    again.refresh_from_db()
    assert (source.status, again.status) == ("done", "done")
    assert source.booked + again.booked == source.known_before + again.known_before == ROWS
    assert not Repayment.objects.filter(paid_date__isnull=True).exists()
    assert Ledger.objects.count() == BankTransaction.objects.count() == ROWS


def test_a_database_that_goes_away_is_tried_again_and_loses_nothing(coldframe: Bench) -> None:
    source = uploaded()
    table = connection.ops.quote_name(BankTransaction._meta.db_table)
    inserts = []

    def break_off(execute, sql, params, many, context):
        if sql.startswith(f"INSERT INTO {table}"):
            inserts.append(sql)
            if len(inserts) in (3, 34):
                raise OperationalError("the server is gone")
        return execute(sql, params, many, context)

    with connection.execute_wrapper(break_off):
        import_repayments.delay(source.pk)
        coldframe.drain()
    assert all_booked_once(source)
    assert [run.state for run in coldframe.runs(import_repayments)] == ["RETRY", "RETRY", "SUCCESS"]


def test_the_task_tells_how_far_it_is(coldframe: Bench, slow_storage: None) -> None:
    source = uploaded()
    coldframe.node("first", queues=QUEUE)
    result = import_repayments.delay(source.pk)
    coldframe.advance(seconds=40)
    assert (result.state, result.info["message"]) == ("PROGRESS", "31 lines read")
    assert 0 < result.info["progress"] < 100
    coldframe.drain()
    assert result.get() == {
        "status": "done",
        "lines_read": ROWS + 2,
        "booked": ROWS,
        "known_before": 0,
        "bad_lines": 1,
        "error": "",
    }
