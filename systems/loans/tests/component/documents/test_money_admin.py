"""The office's admin: money is made, paid and cancelled by the same services as elsewhere."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from coldframe import Bench
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db.models import Model
from django.test import Client
from django.urls import reverse

from core.clock import today
from documents.models import BadLine, BankTransaction, Fee, Ledger, Note, Repayment, RepaymentImport
from documents.payments import add_repayment, record_payment
from documents.tasks import import_repayments
from tests.factories import AdminFactory, ApplicationFactory, FeeFactory, NoteFactory, RepaymentFactory

pytestmark = [pytest.mark.component, pytest.mark.django_db]

MODELS = (Note, Fee, Repayment, Ledger, RepaymentImport, BadLine, BankTransaction)


@pytest.fixture
def office(client: Client) -> Client:
    client.force_login(AdminFactory(is_superuser=True))
    return client


def at(model: type[Model], page: str, *args: Any) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=args)


def act(office: Client, name: str, rows: list[Any]) -> list[str]:
    """Carry out an action, and what the office is told."""
    body = {"action": name, "_selected_action": [row.pk for row in rows]}
    answer = office.post(at(type(rows[0]), "changelist"), body, follow=True)
    return [str(message) for message in answer.context["messages"]]


@pytest.fixture
def some_of_each() -> None:
    application = ApplicationFactory()
    NoteFactory(application=application)
    FeeFactory(application=application)
    row = record_payment(add_repayment(application, 100, today(), None), today())
    source = RepaymentImport.objects.create(file="imports/x.csv", file_name="x.csv")
    BadLine.objects.create(source=source, line=3, text="B3", reason="bad")
    BankTransaction.objects.create(reference="B1", repayment=row, amount=100, paid_on=today(), source=source, line=2)


@pytest.mark.parametrize("model", MODELS)
def test_each_list_and_each_page_opens(office: Client, some_of_each: None, model: type[Model]) -> None:
    row = model.objects.first()
    assert office.get(at(model, "changelist")).status_code == 200
    assert office.get(at(model, "changelist"), {"q": "x"}).status_code == 200
    assert office.get(at(model, "change", row.pk)).status_code == 200


@pytest.mark.parametrize("model", [Ledger, BadLine, BankTransaction])
def test_what_happened_is_only_read(office: Client, some_of_each: None, model: type[Model]) -> None:
    row = model.objects.first()
    assert office.get(at(model, "add")).status_code == 403
    assert office.post(at(model, "change", row.pk), {"line": 99, "amount": 0}).status_code == 403
    if model is not BadLine:
        assert office.post(at(model, "delete", row.pk), {"post": "yes"}).status_code == 403
    assert model.objects.filter(pk=row.pk).exists()


def test_an_instalment_that_is_entered_is_in_the_ledger(office: Client) -> None:
    application = ApplicationFactory()
    body = {"application": application.pk, "amount": "250.00", "due_date": "2026-04-30"}
    assert office.post(at(Repayment, "add"), body).status_code == 302
    row = Repayment.objects.get()
    assert (row.amount, row.due_date, row.created_by.role) == (Decimal(250), date(2026, 4, 30), "admin")
    assert [entry.transaction_type for entry in row.ledger.all()] == ["repayment_scheduled"]


def test_a_fee_that_is_entered_is_in_the_ledger(office: Client) -> None:
    body = {"application": ApplicationFactory().pk, "fee_type": "legal", "amount": "10.00", "description": "Search"}
    assert office.post(at(Fee, "add"), body).status_code == 302
    fee = Fee.objects.get()
    assert (fee.fee_type, fee.due_date, fee.description) == ("legal", None, "Search")
    assert [entry.transaction_type for entry in fee.ledger.all()] == ["fee_created"]


@pytest.mark.parametrize(
    ("values", "field"),
    [({"amount": "0"}, "amount"), ({"due_date": "0020-01-01"}, "due_date"), ({"due_date": ""}, "due_date")],
)
def test_what_makes_no_sense_is_told_beside_its_field(office: Client, values: dict[str, str], field: str) -> None:
    body = {"application": ApplicationFactory().pk, "amount": "250.00", "due_date": "2026-04-30", **values}
    answer = office.post(at(Repayment, "add"), body)
    assert (answer.status_code, list(answer.context["adminform"].form.errors)) == (200, [field])
    assert not Repayment.objects.exists()


def test_a_page_that_was_open_during_a_payment_does_not_undo_it(office: Client) -> None:
    row = RepaymentFactory(amount=Decimal("100.00"))
    office.get(at(Repayment, "change", row.pk))
    record_payment(row, today(), key="k1")
    invoice = SimpleUploadedFile("invoice.pdf", b"%PDF-1.4")
    body = {"invoice": invoice, "amount": "1.00", "due_date": "2030-01-01", "paid_date": ""}
    assert office.post(at(Repayment, "change", row.pk), body).status_code == 302
    before = row.due_date
    row.refresh_from_db()
    assert (row.paid_date, row.paid_amount, row.payment_key) == (today(), Decimal("100.00"), "k1")
    assert (row.amount, row.due_date) == (Decimal("100.00"), before)
    with row.invoice.open() as kept:
        assert kept.read() == b"%PDF-1.4"


@pytest.mark.parametrize("factory", [FeeFactory, RepaymentFactory])
def test_rows_are_marked_as_paid_together_and_those_paid_already_are_told(office: Client, factory: Any) -> None:
    first, second, third = (factory() for _ in range(3))
    day = today() - timedelta(days=5)
    type(second).objects.filter(pk=second.pk).update(paid_date=day)
    told = act(office, "mark_paid_today", [first, second, third])
    assert told[-1] == "2 marked as paid today."
    assert f"already paid on {day}" in told[0]
    rows = type(first).objects.order_by("pk")
    assert [row.paid_date for row in rows] == [today(), day, today()]
    assert Ledger.objects.count() == 2


@pytest.mark.parametrize("factory", [FeeFactory, RepaymentFactory])
def test_unpaid_rows_are_cancelled_and_paid_ones_stay(office: Client, factory: Any) -> None:
    first, second = factory(), factory()
    type(second).objects.filter(pk=second.pk).update(paid_date=today())
    told = act(office, "cancel", [first, second])
    assert "1 cancelled." in told
    assert any("only an unpaid one" in message for message in told)
    assert list(type(first).objects.all()) == [second]
    assert [(entry.transaction_type, entry.amount) for entry in Ledger.objects.all()] == [("adjustment", -first.amount)]
    assert office.post(at(type(first), "delete", second.pk), {"post": "yes"}).status_code == 403


def test_nothing_that_can_be_done_is_told_as_done(office: Client) -> None:
    paid = record_payment(RepaymentFactory(), today())
    assert len(act(office, "cancel", [paid])) == 1


def test_the_list_is_narrowed_down_by_payment(office: Client) -> None:
    late = RepaymentFactory(due_date=today() - timedelta(days=1))
    soon = RepaymentFactory(due_date=today() + timedelta(days=1))
    paid = record_payment(RepaymentFactory(), today())

    def shown(choice: str) -> set[Repayment]:
        return set(office.get(at(Repayment, "changelist"), {"payment": choice}).context["cl"].queryset)

    assert (shown("paid"), shown("unpaid"), shown("overdue")) == ({paid}, {late, soon}, {late})


def test_a_note_is_entered_and_another_moment_means_another_reminder(office: Client) -> None:
    body = {"application": ApplicationFactory().pk, "title": "Call", "is_internal": "on"}
    moment = {"remind_date_0": "2026-03-11", "remind_date_1": "09:00:00"}
    assert office.post(at(Note, "add"), {**body, **moment}).status_code == 302
    note = Note.objects.get()
    assert (note.remind_date, note.created_by.role) == (datetime(2026, 3, 10, 22, tzinfo=UTC), "admin")
    Note.objects.update(remind_sent_at=note.remind_date)
    office.post(at(Note, "change", note.pk), {**body, **moment, "title": "Call them"})
    note.refresh_from_db()
    assert (note.title, note.remind_sent_at) == ("Call them", note.remind_date)
    office.post(at(Note, "change", note.pk), {**body, "remind_date_0": "2026-03-12", "remind_date_1": "09:00:00"})
    note.refresh_from_db()
    assert (note.title, note.remind_sent_at) == ("Call", None)


def test_a_note_that_says_nothing_or_is_about_nothing_is_refused(office: Client) -> None:
    for body in ({"title": "Call"}, {"application": ApplicationFactory().pk}):
        answer = office.post(at(Note, "add"), body)
        assert (answer.status_code, list(answer.context["adminform"].form.errors)) == (200, ["__all__"])
    assert not Note.objects.exists()


def test_a_bank_file_is_uploaded_and_booked(office: Client, coldframe: Bench) -> None:
    row = RepaymentFactory(amount=100)
    content = f"reference,date,amount,repayment\nB1,2026-01-02,100.00,{row.pk}\n".encode()
    body = {"file": SimpleUploadedFile("march.csv", content)}
    assert office.post(at(RepaymentImport, "add"), body).status_code == 302
    coldframe.drain()
    source = RepaymentImport.objects.get()
    assert (source.file_name, source.status, source.booked, source.created_by.role) == ("march.csv", "done", 1, "admin")
    assert office.post(at(RepaymentImport, "delete", source.pk), {"post": "yes"}).status_code == 403


def test_a_failed_import_is_run_again_and_another_is_not(office: Client, coldframe: Bench) -> None:
    content = SimpleUploadedFile("march.csv", b"reference,date,amount,repayment\n")
    failed = RepaymentImport.objects.create(file=content, file_name="march.csv", status="failed", error="no disk")
    done = RepaymentImport.objects.create(file="imports/y.csv", file_name="april.csv", status="done")
    told = act(office, "run_again", [failed, done])
    assert sorted(told) == ["april.csv: Only an import that failed can be run again.", "march.csv is run again."]
    coldframe.drain()
    coldframe.assert_ran(import_repayments, times=1, args=[failed.pk])
    failed.refresh_from_db()
    assert (failed.status, failed.error) == ("done", "")
