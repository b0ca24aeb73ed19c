"""Fees, repayments and the ledger over HTTP: who sees what, who records a payment, and what is refused."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from rest_framework.test import APIClient

from applications.models import Application
from core.clock import today
from documents.fees import add_fee
from documents.models import Fee, Repayment
from documents.payments import add_repayment, record_payment
from tests.factories import (
    AccountsUserFactory,
    AdminFactory,
    ApplicationFactory,
    BorrowerFactory,
    FeeFactory,
    RepaymentFactory,
    UserFactory,
)
from users.models import User

pytestmark = [pytest.mark.component, pytest.mark.django_db]

ROLES = ("admin", "bd", "broker", "client", "accounts")
MAY_PAY = ("admin", "bd")
MAY_READ = ("admin", "bd", "broker", "client")


@pytest.fixture
def application() -> Application:
    return ApplicationFactory(borrowers=[BorrowerFactory(user=UserFactory()), BorrowerFactory(user=UserFactory())])


def person(role: str, application: Application) -> User:
    """Somebody with this role who works on this application, or is one of its borrowers."""
    people = {
        "admin": AdminFactory,
        "bd": lambda: application.bd.user,
        "broker": lambda: application.broker.user,
        "client": lambda: application.borrowers.first().user,
        "accounts": AccountsUserFactory,
    }
    return people[role]()


def client_of(user: User) -> APIClient:
    client = APIClient(raise_request_exception=True)
    client.force_authenticate(user)
    return client


def as_role(role: str, application: Application) -> APIClient:
    return client_of(person(role, application))


def rows_of(application: Application) -> dict[str, Any]:
    return {
        "fees": add_fee(application, "legal", 1200, today(), None),
        "repayments": add_repayment(application, 250, today(), None),
    }


@pytest.mark.parametrize("kind", ["fees", "repayments", "ledger"])
@pytest.mark.parametrize("role", ROLES)
def test_each_role_lists_the_money_of_its_own_applications(application: Application, role: str, kind: str) -> None:
    rows_of(application)
    rows_of(ApplicationFactory())
    found = as_role(role, application).get(f"/api/documents/{kind}/")
    assert found.status_code == 200
    each = 2 if kind == "ledger" else 1
    assert found.json()["count"] == {"admin": 2 * each, "accounts": 0}.get(role, each)
    if role in MAY_READ[1:]:
        assert {row["application"] for row in found.json()["results"]} == {application.pk}


@pytest.mark.parametrize("kind", ["fees", "repayments"])
@pytest.mark.parametrize("role", ROLES)
def test_each_role_reads_its_own_and_the_rest_does_not_exist(application: Application, role: str, kind: str) -> None:
    own, foreign = rows_of(application)[kind], rows_of(ApplicationFactory())[kind]
    client = as_role(role, application)
    answers = [client.get(f"/api/documents/{kind}/{row.pk}/").status_code for row in (own, foreign)]
    assert answers == {"admin": [200, 200], "accounts": [404, 404]}.get(role, [200, 404])


@pytest.mark.parametrize("kind", ["fees", "repayments"])
@pytest.mark.parametrize("role", ROLES)
def test_only_administrators_and_the_own_manager_record_a_payment(
    application: Application, role: str, kind: str
) -> None:
    own, foreign = rows_of(application)[kind], rows_of(ApplicationFactory())[kind]
    client = as_role(role, application)
    answers = [client.post(f"/api/documents/{kind}/{row.pk}/mark-paid/", {}).status_code for row in (own, foreign)]
    expected = {"admin": [200, 200], "bd": [200, 404], "broker": [403, 404], "client": [403, 404]}
    assert answers == expected.get(role, [404, 404])
    paid = [type(row).objects.get(pk=row.pk).paid_date is not None for row in (own, foreign)]
    assert paid == [answer == 200 for answer in answers]


@pytest.mark.parametrize("path", ["fees/", "fees/1/", "repayments/", "repayments/1/", "ledger/"])
def test_nobody_reads_without_logging_in(path: str) -> None:
    assert APIClient().get(f"/api/documents/{path}").status_code == 401


@pytest.mark.parametrize("kind", ["fees", "repayments"])
def test_nobody_pays_without_logging_in(application: Application, kind: str) -> None:
    row = rows_of(application)[kind]
    assert APIClient().post(f"/api/documents/{kind}/{row.pk}/mark-paid/").status_code == 401
    assert type(row).objects.get(pk=row.pk).paid_date is None


def test_an_instalment_says_what_is_paid_and_where_it_stands(application: Application) -> None:
    row = add_repayment(application, "250.50", today() - timedelta(days=3), None)
    client = as_role("bd", application)
    assert client.get(f"/api/documents/repayments/{row.pk}/").json()["status"] == "overdue_3_days"
    day = today() - timedelta(days=1)
    body = {"paid_date": str(day), "amount": "300.00", "key": "k1"}
    answer = client.post(f"/api/documents/repayments/{row.pk}/mark-paid/", body, format="json")
    shown = answer.json()
    assert (answer.status_code, shown["paid_date"], shown["paid_amount"], shown["status"]) == (
        200,
        str(day),
        "300.00",
        "paid",
    )
    entries = client.get("/api/documents/ledger/").json()["results"]
    assert sorted((entry["transaction_type"], entry["amount"]) for entry in entries) == [
        ("adjustment", "49.50"),
        ("repayment_received", "250.50"),
        ("repayment_scheduled", "250.50"),
    ]
    assert {entry["related_repayment"] for entry in entries} == {row.pk}


def test_a_fee_is_paid_today_unless_said_otherwise(application: Application) -> None:
    fee = add_fee(application, "legal", 1200, None, None)
    shown = as_role("bd", application).post(f"/api/documents/fees/{fee.pk}/mark-paid/").json()
    assert (shown["paid_date"], shown["fee_type"], shown["amount"]) == (str(today()), "legal", "1200.00")


@pytest.mark.parametrize("kind", ["fees", "repayments"])
def test_a_double_click_is_one_payment_and_a_second_payment_a_conflict(application: Application, kind: str) -> None:
    row, client = rows_of(application)[kind], as_role("bd", application)
    url = f"/api/documents/{kind}/{row.pk}/mark-paid/"
    first, again = client.post(url, {"key": "click"}), client.post(url, {"key": "click"})
    assert (first.status_code, again.status_code, again.json()) == (200, 200, first.json())
    for body in ({}, {"key": "other"}):
        refused = client.post(url, body)
        assert refused.status_code == 409
        assert "already paid" in refused.json()["detail"]
    assert row.ledger.count() == 2


@pytest.mark.parametrize("kind", ["fees", "repayments"])
@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"paid_date": "31.03.2026"}, "paid_date"),
        ({"paid_date": "2026-02-30"}, "paid_date"),
        ({"paid_date": ""}, "paid_date"),
        ({"paid_date": None}, "paid_date"),
        ({"paid_date": ["2026-03-01"]}, "paid_date"),
        ({"paid_date": "0001-01-01"}, "paid_date"),
        ({"paid_date": "2999-01-01"}, "paid_date"),
        ({"key": "x" * 101}, "key"),
        ({"key": "nul\0"}, "key"),
        ({"key": {"a": 1}}, "key"),
        (["no", "object"], "non_field_errors"),
    ],
)
def test_bad_input_is_refused_beside_its_field(application: Application, kind: str, body: Any, field: str) -> None:
    row = rows_of(application)[kind]
    answer = as_role("admin", application).post(f"/api/documents/{kind}/{row.pk}/mark-paid/", body, format="json")
    assert answer.status_code == 400
    assert field in answer.json()
    assert type(row).objects.get(pk=row.pk).paid_date is None


def test_a_day_in_the_future_is_refused_with_a_message(application: Application) -> None:
    row = rows_of(application)["repayments"]
    body = {"paid_date": str(today() + timedelta(days=1))}
    answer = as_role("admin", application).post(f"/api/documents/repayments/{row.pk}/mark-paid/", body)
    assert answer.status_code == 400
    assert "future" in answer.json()["detail"]


@pytest.mark.parametrize("amount", ["249.99", "0", "-1", "1e400", "NaN", "0.001", "99999999999", "abc", [], True])
def test_an_amount_that_makes_no_sense_is_refused(application: Application, amount: Any) -> None:
    row = rows_of(application)["repayments"]
    url = f"/api/documents/repayments/{row.pk}/mark-paid/"
    assert as_role("admin", application).post(url, {"amount": amount}, format="json").status_code == 400
    row.refresh_from_db()
    assert row.paid_date is None


@pytest.mark.parametrize("kind", ["fees", "repayments"])
@pytest.mark.parametrize("pk", ["0", "999999", "9" * 30])
def test_what_does_not_exist_is_not_found(kind: str, pk: str) -> None:
    client = client_of(AdminFactory())
    assert client.get(f"/api/documents/{kind}/{pk}/").status_code == 404
    assert client.post(f"/api/documents/{kind}/{pk}/mark-paid/").status_code == 404
    assert client.get(f"/api/documents/{kind}/abc/").status_code == 404


def test_lists_are_narrowed_down_by_application_payment_and_day(application: Application) -> None:
    soon, later = (add_repayment(application, 100, today() + timedelta(days=days), None) for days in (5, 50))
    paid = record_payment(add_repayment(application, 100, today(), None), today())
    RepaymentFactory()
    client = client_of(AdminFactory())

    def found(query: str) -> list[int]:
        return [row["id"] for row in client.get(f"/api/documents/repayments/?{query}").json()["results"]]

    mine = f"application={application.pk}"
    assert found(mine) == [paid.pk, soon.pk, later.pk]
    assert found(f"{mine}&paid=true") == [paid.pk]
    assert found(f"{mine}&paid=false") == [soon.pk, later.pk]
    assert found(f"{mine}&due_from={soon.due_date}&due_to={soon.due_date}") == [soon.pk]
    assert found("application=999999") == []


def test_the_ledger_is_narrowed_down_by_kind(application: Application) -> None:
    rows_of(application)
    found = client_of(AdminFactory()).get("/api/documents/ledger/?transaction_type=fee_created").json()
    assert [row["amount"] for row in found["results"]] == ["1200.00"]


@pytest.mark.parametrize(
    "query", ["application=abc", f"application={9**40}", "application=0", "paid=perhaps", "due_from=soon", "due_to=%00"]
)
def test_a_parameter_that_makes_no_sense_is_refused(query: str) -> None:
    client = client_of(AdminFactory())
    assert client.get(f"/api/documents/repayments/?{query}").status_code == 400
    assert client.get("/api/documents/ledger/?transaction_type=theft").status_code == 400


def test_an_application_with_two_borrowers_shows_each_row_once(application: Application) -> None:
    FeeFactory(application=application)
    assert as_role("client", application).get("/api/documents/fees/").json()["count"] == 1
    assert Fee.objects.count() == 1


def test_a_list_takes_the_same_number_of_statements_for_any_number_of_rows(
    application: Application, django_assert_num_queries: Any
) -> None:
    client = as_role("bd", application)
    for count in (1, 20):
        RepaymentFactory.create_batch(count, application=application)
        with django_assert_num_queries(2):
            client.get("/api/documents/repayments/")
    assert Repayment.objects.count() == 21
