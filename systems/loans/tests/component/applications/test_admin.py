"""Applications in the admin: the office sees, corrects and keeps them there."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.admin import site
from django.contrib.messages.storage.cookie import CookieStorage
from django.core.files.storage import default_storage
from django.test import Client, RequestFactory
from django.urls import reverse

from applications.admin import ApplicationAdmin
from applications.models import ActiveLoan, Application
from applications.services import change_stage
from documents.models import Note
from tests.factories import BDMFactory, BorrowerFactory, DocumentFactory, FeeFactory, RepaymentFactory
from tests.house import House
from users.models import User

pytestmark = [pytest.mark.component, pytest.mark.django_db]

LIST = "admin:applications_application_changelist"
CHANGE = "admin:applications_application_change"


def fields(application: Application, **changes: Any) -> dict[str, Any]:
    """What the form of an application sends, with the inlines as they are."""
    formsets = ("notes", "documents", "fees", "repayments", "stage_changes")
    empty = {f"{name}-{kind}_FORMS": 0 for name in formsets for kind in ("TOTAL", "INITIAL")}
    values = {
        "application_type": application.application_type,
        "purpose": application.purpose,
        "loan_amount": application.loan_amount,
        "loan_term": application.loan_term,
        "interest_rate": application.interest_rate,
        "repayment_frequency": application.repayment_frequency,
        "estimated_settlement_date": "",
        "broker": application.broker_id,
        "branch": "",
        "bd": application.bd_id,
        "borrowers": [borrower.pk for borrower in application.borrowers.all()],
        "guarantors": [],
    }
    return {**empty, **values, **changes}


def test_the_list_shows_filters_and_searches(house: House, office: Client) -> None:
    for query in (
        {},
        {"q": house.own.reference_number},
        {"q": "Rower"},
        {"stage": "inquiry", "bd__id__exact": house.own.bd_id},
    ):
        answer = office.get(reverse(LIST), query)
        assert answer.status_code == 200
        assert house.own.reference_number in answer.content.decode()
    assert house.own.reference_number not in office.get(reverse(LIST), {"stage": "funded"}).content.decode()


def test_the_list_asks_the_database_as_often_for_many_as_for_few(
    house: House, office: Client, django_assert_max_num_queries: Any
) -> None:
    office.get(reverse(LIST))
    for _ in range(20):
        Application.objects.create(bd=BDMFactory(user=None), broker=house.own.broker)
    with django_assert_max_num_queries(12):
        office.get(reverse(LIST))


def test_the_page_shows_all_that_belongs_to_an_application(house: House, office: Client) -> None:
    change_stage(house.own, "pre_approval", None)
    DocumentFactory(application=house.own, title="Payslip of March")
    FeeFactory(application=house.own, amount="1234.50")
    RepaymentFactory(application=house.own, amount="987.65")
    page = office.get(reverse(CHANGE, args=[house.own.pk])).content.decode()
    for text in (
        house.own.reference_number,
        "For the office",
        "Payslip of March",
        "1234.50",
        "987.65",
        "Stage: Pre-approval",
        "Move to Valuation",
        "Decline",
        "Withdraw",
    ):
        assert text in page
    assert 'name="fees-0-amount"' not in page
    assert 'name="repayments-0-amount"' not in page
    assert 'name="stage"' in page  # only as a button
    assert '<select name="stage"' not in page


def test_the_page_of_a_new_application_has_no_inlines_and_remembers_its_maker(house: House, office: Client) -> None:
    borrower = BorrowerFactory()
    answer = office.post(
        reverse("admin:applications_application_add"),
        {
            "loan_amount": "5000",
            "loan_term": 12,
            "repayment_frequency": "weekly",
            "borrowers": [borrower.pk],
            "stage": "funded",
        },
    )
    assert answer.status_code == 302
    made = Application.objects.get(loan_amount=5000)
    assert (made.stage, made.created_by, list(made.borrowers.all())) == (
        "inquiry",
        User.objects.get(is_superuser=True),
        [borrower],
    )


@pytest.mark.parametrize(("name", "value"), [("loan_amount", 999), ("loan_term", 361), ("interest_rate", 31)])
def test_terms_out_of_bounds_are_refused(house: House, office: Client, name: str, value: int) -> None:
    answer = office.post(reverse(CHANGE, args=[house.own.pk]), fields(house.own, **{name: value}))
    assert (answer.status_code, list(answer.context["adminform"].form.errors)) == (200, [name])


def test_saving_a_page_undoes_nothing_that_happened_meanwhile(
    house: House, office: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The form loads its row; then somebody moves it; then the form saves."""
    original = Application.full_clean

    def meanwhile(self: Application, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        change_stage(Application.objects.get(pk=house.own.pk), "pre_approval", None)
        Application.objects.filter(pk=house.own.pk).update(interest_rate=9)

    monkeypatch.setattr(Application, "full_clean", meanwhile)
    answer = office.post(reverse(CHANGE, args=[house.own.pk]), fields(house.own, purpose="A boat"))
    assert answer.status_code == 302
    stored = Application.objects.get(pk=house.own.pk)
    assert (stored.purpose, stored.stage, stored.interest_rate) == ("A boat", "pre_approval", 9)


@pytest.mark.parametrize("stage", ["funded", "declined", "withdrawn"])
def test_the_terms_of_a_closed_application_are_only_shown(house: House, office: Client, stage: str) -> None:
    Application.objects.filter(pk=house.own.pk).update(stage=stage)
    changes = {"loan_term": 12, "borrowers": [], "purpose": "A boat"}
    assert office.post(reverse(CHANGE, args=[house.own.pk]), fields(house.own, **changes)).status_code == 302
    stored = Application.objects.get(pk=house.own.pk)
    assert (stored.purpose, stored.loan_term, stored.borrowers.count()) == ("A boat", 360, 2)
    assert "Move to" not in office.get(reverse(CHANGE, args=[house.own.pk])).content.decode()


def test_the_page_tells_the_time_of_the_office(house: House, office: Client) -> None:
    Application.objects.filter(pk=house.own.pk).update(stage_last_updated=datetime(2026, 3, 10, 22, tzinfo=UTC))
    assert "11 Mar 2026, 9 a.m." in office.get(reverse(CHANGE, args=[house.own.pk])).content.decode()
    assert "11 Mar 2026, 9 a.m." in office.get(reverse(LIST)).content.decode()


def test_a_note_that_is_written_on_the_page_knows_its_writer(house: House, office: Client) -> None:
    note = {
        "notes-TOTAL_FORMS": 1,
        "notes-0-title": "Ring them up",
        "notes-0-content": "Soon",
        "notes-0-remind_date_0": "2026-03-11",
        "notes-0-remind_date_1": "09:00",
        "notes-0-is_internal": "on",
    }
    answer = office.post(reverse(CHANGE, args=[house.own.pk]), fields(house.own, **note))
    assert answer.status_code == 302
    made = Note.objects.get(title="Ring them up")
    assert (made.application, made.created_by) == (house.own, User.objects.get(is_superuser=True))
    assert made.remind_date == datetime(2026, 3, 10, 22, tzinfo=UTC)


def test_an_application_with_a_payment_is_not_deleted_here_either(house: House, office: Client) -> None:
    RepaymentFactory(application=house.own, paid_date="2026-01-01")
    assert (
        office.post(reverse("admin:applications_application_delete", args=[house.own.pk]), {"post": "yes"}).status_code
        == 403
    )
    office.post(reverse(LIST), {"action": "delete_selected", "_selected_action": [house.own.pk], "post": "yes"})
    assert Application.objects.filter(pk=house.own.pk).exists()


@pytest.mark.parametrize("together", [False, True])
def test_an_application_goes_with_its_files_here_too(
    office: Client, django_capture_on_commit_callbacks: Any, together: bool
) -> None:
    paper = DocumentFactory()
    key = paper.application_id
    with django_capture_on_commit_callbacks(execute=True):
        if together:
            office.post(reverse(LIST), {"action": "delete_selected", "_selected_action": [key], "post": "yes"})
        else:
            office.post(reverse("admin:applications_application_delete", args=[key]), {"post": "yes"})
    assert not Application.objects.filter(pk=key).exists()
    assert not default_storage.exists(paper.file.name)


def test_what_was_paid_since_the_page_was_opened_is_told_and_kept(house: House) -> None:
    request = RequestFactory().post("/")
    request._messages = CookieStorage(request)
    RepaymentFactory(application=house.own, paid_date="2026-01-01")
    ApplicationAdmin(Application, site).delete_model(request, house.own)
    (told,) = request._messages
    assert "something was paid for it: it is kept" in told.message
    assert Application.objects.filter(pk=house.own.pk).exists()


def test_loans_are_shown_and_not_written(house: House, office: Client) -> None:
    Application.objects.filter(pk=house.own.pk).update(stage="settlement")
    change_stage(Application.objects.get(pk=house.own.pk), "funded", None)
    loan = ActiveLoan.objects.get()
    assert (
        house.own.reference_number in office.get(reverse("admin:applications_activeloan_changelist")).content.decode()
    )
    page = reverse("admin:applications_activeloan_change", args=[loan.pk])
    assert office.get(page).status_code == 200
    assert office.post(page, {"is_active": ""}).status_code == 403
