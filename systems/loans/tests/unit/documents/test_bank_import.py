"""Booking what a bank reports: once, with every line accounted for, from where an earlier run stopped."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest
import time_machine
from django.core.files.base import ContentFile
from django.db import DatabaseError, OperationalError, connection

from core.clock import now
from core.errors import Conflict
from documents import bank_import
from documents.models import BadLine, BankTransaction, Ledger, Repayment, RepaymentImport
from documents.payments import record_payment
from documents.selectors import unfinished_imports
from tests.factories import AdminFactory, ApplicationFactory, RepaymentFactory

pytestmark = [pytest.mark.unit, pytest.mark.django_db]

HEADER = "reference,date,amount,application,repayment\n"


@pytest.fixture(autouse=True)
def in_april():
    with time_machine.travel("2026-04-01T00:00:00Z", tick=False):
        yield


def kept(content: str | bytes, name: str = "march.csv") -> RepaymentImport:
    raw = content if isinstance(content, bytes) else content.encode()
    return bank_import.start(ContentFile(raw, name=name), AdminFactory())


def run(source: RepaymentImport) -> dict[str, int | str]:
    return bank_import.run(source.pk, lambda done, message: None)


def booked(content: str) -> dict[str, int | str]:
    return run(kept(HEADER + content))


def complaints(source: RepaymentImport | None = None) -> dict[int, str]:
    return {bad.line: bad.reason for bad in BadLine.objects.order_by("line")}


def instalments(count: int, amount: str = "100.00", **values: object) -> list[Repayment]:
    application = values.pop("application", None) or ApplicationFactory()
    first = date(2026, 3, 1)
    return [
        RepaymentFactory(application=application, amount=Decimal(amount), due_date=first + timedelta(weeks=number))
        for number in range(count)
    ]


def paid() -> list[tuple[int, str, str]]:
    rows = Repayment.objects.filter(paid_date__isnull=False).order_by("pk")
    return [(row.pk, str(row.paid_date), str(row.paid_amount)) for row in rows]


def test_a_payment_for_an_instalment_is_booked_with_its_day_and_amount() -> None:
    _, second = instalments(2)
    assert booked(f"B1,2026-03-31,100.00,,{second.pk}\n") == {
        "status": "done",
        "lines_read": 2,
        "booked": 1,
        "known_before": 0,
        "bad_lines": 0,
        "error": "",
    }
    assert paid() == [(second.pk, "2026-03-31", "100.00")]
    transaction = BankTransaction.objects.get()
    assert (transaction.reference, transaction.repayment, transaction.line) == ("B1", second, 2)
    assert [(entry.transaction_type, entry.created_by) for entry in second.ledger.all()] == [
        ("repayment_received", transaction.source.created_by)
    ]


def test_a_payment_for_an_application_is_for_its_oldest_unpaid_instalment_of_that_amount() -> None:
    first, second, third = instalments(3)
    Repayment.objects.filter(pk=second.pk).update(due_date=date(2026, 2, 1), amount=Decimal("99.00"))
    reference = first.application.reference_number
    instalments(1)
    assert booked(f"B1,2026-03-30,100,{reference},\nB2,2026-03-31,100,{reference},\n")["booked"] == 2
    assert paid() == [(first.pk, "2026-03-30", "100.00"), (third.pk, "2026-03-31", "100.00")]


def test_a_line_that_fits_nothing_is_reported_by_its_number_and_the_others_are_booked() -> None:
    first, second, third = instalments(3)
    other = ApplicationFactory()
    record_payment(third, date(2026, 3, 1))
    reference = first.application.reference_number
    result = booked(
        f"B1,2026-03-31,100.00,,{first.pk}\n"
        f"B2,2026-03-31,100.00,,999999\n"
        f"B3,2026-03-31,70.00,{reference},\n"
        f"B4,2026-03-31,100.00,{other.reference_number},{second.pk}\n"
        f"B5,2026-03-31,99.00,,{second.pk}\n"
        f"B6,2026-03-31,100.00,,{third.pk}\n"
        f"B7,2026-04-20,100.00,,{second.pk}\n"
        f"B8,2026-03-31\n"
        f"B9,2026-03-31,100.00,{reference},{second.pk}\n"
    )
    assert (result["booked"], result["bad_lines"], result["lines_read"]) == (2, 7, 10)
    assert complaints() == {
        3: "There is no repayment 999999.",
        4: f"There is no unpaid instalment of 70.00 of application {reference}.",
        5: f"There is no repayment {second.pk} of application {other.reference_number}.",
        6: "99.00 is less than the 100.00 that is due; part of an instalment cannot be booked.",
        7: "This instalment was already paid on 2026-03-01; nothing was changed.",
        8: "A payment cannot be dated in the future: 2026-04-20 is after today, 2026-04-01.",
        9: "The line has 2 columns, but the first line names 5.",
    }
    assert BankTransaction.objects.count() == 2
    assert BadLine.objects.get(line=9).text == "B8,2026-03-31"


def test_more_than_the_instalment_is_booked_with_its_surplus() -> None:
    (row,) = instalments(1)
    booked(f"B1,2026-03-31,120.00,,{row.pk}\n")
    assert [str(entry.amount) for entry in row.ledger.order_by("pk")] == ["100.00", "20.00"]


def test_the_same_reference_is_known_in_this_file_and_in_the_next() -> None:
    rows = instalments(3)
    reference = rows[0].application.reference_number
    line = f"B1,2026-03-31,100.00,{reference},\n"
    first = booked(line + line)
    assert (first["booked"], first["known_before"]) == (1, 1)
    again = booked(line + f"B2,2026-03-31,100.00,{reference},\n")
    assert (again["booked"], again["known_before"]) == (1, 1)
    assert len(paid()) == BankTransaction.objects.count() == Ledger.objects.count() == 2


def test_a_reference_that_comes_with_another_amount_or_day_is_reported() -> None:
    first, second = instalments(2)
    booked(f"B1,2026-03-31,100.00,,{first.pk}\n")
    result = booked(f"B1,2026-03-31,101.00,,{second.pk}\nB1,2026-03-30,100.00,,{second.pk}\n")
    assert result["bad_lines"] == 2
    assert complaints()[2] == "The reference B1 is known for another payment: 100.00 on 2026-03-31."
    assert len(paid()) == 1


@pytest.mark.parametrize(
    ("content", "error"),
    [(b"", "The file is empty."), (b"\xff\xfe\x00", "The first line must name"), (b"hello\n", "it says: hello")],
)
def test_what_is_no_bank_file_fails_with_a_reason_and_books_nothing(content: bytes, error: str) -> None:
    source = kept(content)
    result = run(source)
    assert result["status"] == "failed"
    assert error in str(result["error"])
    source.refresh_from_db()
    assert source.finished_at is not None


def test_a_file_that_is_gone_fails_with_a_reason() -> None:
    source = kept(HEADER)
    source.file.storage.delete(source.file.name)
    assert run(source)["error"] == "The file is no longer there; upload it again."


def test_an_import_that_is_gone_is_no_work() -> None:
    assert bank_import.run(4711, lambda done, message: None) == {"status": "missing"}


def test_what_is_finished_is_not_done_again() -> None:
    first, _ = instalments(2)
    source = kept(HEADER + f"B1,2026-03-31,100.00,,{first.pk}\n")
    result = run(source)
    BankTransaction.objects.all().delete()
    assert run(source) == result
    assert len(paid()) == 1


def test_the_name_of_the_file_is_kept_and_is_no_name_in_the_storage() -> None:
    source = kept(HEADER, name="../../Mä\0rz" + "x" * 300 + ".csv")
    source.refresh_from_db()
    assert source.file_name.endswith("xxx.csv")
    assert len(source.file_name) == 255
    assert source.file.name.startswith("imports/2026/04/")
    assert len(source.file.name) < 60


def test_it_tells_how_far_it_is_after_each_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bank_import, "BATCH", 2)
    rows = instalments(5)
    source = kept(HEADER + "".join(f"B{row.pk},2026-03-31,100.00,,{row.pk}\n" for row in rows))
    told: list[tuple[int, str]] = []
    bank_import.run(source.pk, lambda done, message: told.append((done, message)))
    assert [message for _, message in told] == ["3 lines read", "5 lines read", "6 lines read"]
    assert all(0 < done <= 99 for done, _ in told)


def test_a_run_that_breaks_off_leaves_whole_batches_and_the_next_goes_on_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bank_import, "BATCH", 2)
    rows = instalments(5)
    source = kept(HEADER + "".join(f"B{row.pk},2026-03-31,100.00,,{row.pk}\n" for row in rows))
    table = connection.ops.quote_name(BankTransaction._meta.db_table)
    inserts = []

    def break_off(execute, sql, params, many, context):
        if sql.startswith(f"INSERT INTO {table}"):
            inserts.append(sql)
            if len(inserts) == 4:  # the second line of the second batch
                raise OperationalError("the server is gone")
        return execute(sql, params, many, context)

    with connection.execute_wrapper(break_off), pytest.raises(OperationalError, match="server is gone"):
        run(source)
    source.refresh_from_db()
    assert (source.status, source.lines_read, source.booked, len(paid())) == ("running", 3, 2, 2)
    result = run(source)
    assert (result["status"], result["lines_read"], result["booked"], result["known_before"]) == ("done", 6, 5, 0)
    assert [row[0] for row in paid()] == [row.pk for row in rows]
    assert Ledger.objects.count() == 5


def test_a_bug_fails_the_import_with_its_name_and_it_can_be_run_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bank_import, "BATCH", 1)
    first, second = instalments(2)
    source = kept(HEADER + f"B1,2026-03-31,100.00,,{first.pk}\nB2,2026-03-31,100.00,,{second.pk}\n")

    def break_down(execute, sql, params, many, context):
        if "INSERT" in sql and params and "B2" in params:
            raise DatabaseError("value out of range")
        return execute(sql, params, many, context)

    with connection.execute_wrapper(break_down), pytest.raises(DatabaseError, match="out of range"):
        run(source)
    source.refresh_from_db()
    assert (source.status, source.error) == ("failed", "DatabaseError: value out of range")
    assert run(source)["status"] == "failed"
    assert bank_import.reopen(source).status == "waiting"
    assert run(source)["booked"] == 2


def test_only_what_failed_can_be_run_again() -> None:
    source = kept(HEADER)
    with pytest.raises(Conflict, match="Only an import that failed"):
        bank_import.reopen(source)


def test_two_runs_of_one_import_share_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """The second run begins while the first has read its second batch and not booked it."""
    monkeypatch.setattr(bank_import, "BATCH", 2)
    rows = instalments(6)
    source = kept(HEADER + "".join(f"B{row.pk},2026-03-31,100.00,,{row.pk}\n" for row in rows))
    results = []

    def cut_in(done: int, message: str) -> None:
        if not results:
            results.append(None)
            results[0] = run(source)

    result = bank_import.run(source.pk, cut_in)
    assert (
        result
        == results[0]
        == {
            "status": "done",
            "lines_read": 7,
            "booked": 6,
            "known_before": 0,
            "bad_lines": 0,
            "error": "",
        }
    )
    assert len(paid()) == BankTransaction.objects.count() == Ledger.objects.count() == 6


def test_another_import_that_books_the_same_payment_first_wins() -> None:
    """Between the look at the references and the booking, another import books the payment."""
    first, _ = instalments(2)
    line = f"B1,2026-03-31,100.00,{first.application.reference_number},\n"
    source, other = kept(HEADER + line), kept(HEADER + line)
    looked, others = [], []

    def cut_in(execute, sql, params, many, context):
        if sql.startswith("SELECT") and "B1" in (params or ()):
            looked.append(sql)
        if sql.startswith("SAVEPOINT") and looked and not others:
            others.append(
                BankTransaction.objects.create(
                    reference="B1", repayment=first, amount=100, paid_on=date(2026, 3, 31), source=other, line=2
                )
            )
        return execute(sql, params, many, context)

    with connection.execute_wrapper(cut_in):
        result = run(source)
    assert (result["booked"], result["known_before"]) == (0, 1)
    assert (len(looked), len(others)) == (2, 1)
    assert paid() == []


def test_what_nobody_touched_for_a_while_is_unfinished() -> None:
    waiting, running, done = kept(HEADER), kept(HEADER), kept(HEADER)
    run(done)
    RepaymentImport.objects.filter(pk=running.pk).update(status="running")
    with time_machine.travel("2026-04-01T00:20:00Z", tick=False):
        fresh = kept(HEADER)
        found = unfinished_imports(now() - timedelta(minutes=10))
    assert set(found) == {waiting, running}
    assert fresh not in found
