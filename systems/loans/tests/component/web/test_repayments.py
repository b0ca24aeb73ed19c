"""What is due and overdue, and recording that it was paid."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from pytest_django import DjangoAssertNumQueries

from applications.models import Application
from core.clock import today
from documents.models import Ledger, Repayment
from tests.component.web.conftest import HTMX, OTHERS, Browser
from tests.factories import ApplicationFactory, BorrowerFactory, RepaymentFactory, overdue
from tests.house import House

pytestmark = [pytest.mark.component, pytest.mark.django_db]

LATE = ["11 days overdue", "1 day overdue"]
SOON = ["Due today", "Due in 1 day", "Due in 7 days"]


def due_in(days: int, application: Application, **values: Any) -> Repayment:
    return RepaymentFactory(application=application, due_date=today() + timedelta(days=days), **values)


def badges(answer: Any) -> list[str]:
    return re.findall(r'data-label="Status"><span class="badge \w+">([^<]+)<', answer.content.decode())


def payment(**values: str) -> dict[str, str]:
    return {"key": "web-1", "paid_on": today().isoformat(), "amount": "1000.00", **values}


@pytest.fixture
def instalments(house: House) -> list[Repayment]:
    """One of each kind, of the own application; the house has one that is due in thirty days, and one of others."""
    days = (-11, -1, 0, 1, 7, 8)
    return [due_in(day, house.own, amount=Decimal(100 + day)) for day in days]


@pytest.mark.parametrize(
    ("show", "shown", "total"),
    [
        ("overdue", LATE, "$188"),
        ("soon", SOON, "$308"),
        ("unpaid", [*LATE, *SOON, "Scheduled", "Scheduled"], "$1,604"),
    ],
)
@pytest.mark.usefixtures("instalments")
def test_each_filter_shows_its_own_the_earliest_first(
    browser: Browser, show: str, shown: list[str], total: str
) -> None:
    answer = browser("bd").get("/repayments/", {"show": show})
    assert badges(answer) == shown
    figures = re.findall(r'<dd class="number[^"]*">([^<]+)<', answer.content.decode())
    assert figures == ["2", "3", "7", total]


@pytest.mark.usefixtures("instalments")
def test_without_a_choice_the_overdue_ones_are_shown(browser: Browser) -> None:
    assert len(badges(browser("bd").get("/repayments/"))) == 2


def test_what_was_paid_and_what_fell_through_is_not_due(browser: Browser, house: House) -> None:
    overdue(5, application=house.own, paid_date=today())
    for stage in ("declined", "withdrawn"):
        overdue(5, application=ApplicationFactory(stage=stage))
    answer = browser("admin").get("/repayments/")
    assert badges(answer) == []
    assert "Nothing to be paid here." in answer.content.decode()


@pytest.mark.parametrize(("role", "seen"), [("admin", 2), ("bd", 1), ("broker", 1), ("accounts", 0)])
def test_people_see_their_own(browser: Browser, house: House, role: str, seen: int) -> None:
    answer = browser(role).get("/repayments/?show=unpaid")
    assert len(badges(answer)) == seen
    assert ("/pay/" in answer.content.decode()) == (role in {"admin", "bd"})


def test_the_search_finds_a_borrower_once(browser: Browser, house: House) -> None:
    people = [BorrowerFactory(first_name="Zoe", last_name=name) for name in ("Ash", "Beech")]
    overdue(3, application=ApplicationFactory(borrowers=people), amount=Decimal("70.50"))
    answer = browser("admin").get("/repayments/", {"q": "zoe"})
    assert badges(answer) == ["3 days overdue"]
    assert "Zoe Ash, Zoe Beech" in answer.content.decode()
    assert "$70.50" in answer.content.decode()


def test_many_come_in_pages(browser: Browser, house: House) -> None:
    RepaymentFactory.create_batch(30, application=house.own)
    client = browser("bd")
    first = client.get("/repayments/?show=unpaid")
    assert len(badges(first)) == 25
    assert 'rel="next" href="?show=unpaid&amp;page=2"' in first.content.decode()
    assert len(badges(client.get("/repayments/?show=unpaid&page=2"))) == 6
    assert len(badges(client.get("/repayments/?show=unpaid&page=no"))) == 25
    assert len(badges(client.get("/repayments/?show=unpaid&page=99999999999999999999"))) == 6


@pytest.mark.parametrize("others", [0, 20])
def test_the_number_of_queries_does_not_grow(
    browser: Browser, house: House, django_assert_num_queries: DjangoAssertNumQueries, others: int
) -> None:
    for _ in range(others):
        overdue(3, application=ApplicationFactory(borrowers=[BorrowerFactory()]))
    client = browser("admin")
    # session, person, sums, rows, borrowers; the page also counts what is unread
    with django_assert_num_queries(5):
        client.get("/repayments/?show=unpaid", headers=HTMX)
    with django_assert_num_queries(6):
        client.get("/repayments/?show=unpaid")


@pytest.mark.parametrize("role", ["admin", "bd"])
def test_managers_record_a_payment_with_a_plain_form(browser: Browser, house: House, role: str) -> None:
    client, row = browser(role), house.own.repayments.get()
    page = client.get(f"/repayments/{row.pk}/pay/?next=/repayments/%3Fshow%3Dunpaid").content.decode()
    form = dict(re.findall(r'name="(\w+)" value="([^"]*)"', page))
    assert (form["paid_on"], form["amount"]) == (today().isoformat(), "1000.00")
    answer = client.post(f"/repayments/{row.pk}/pay/", form, follow=True)
    assert answer.redirect_chain == [("/repayments/?show=unpaid", 302)]
    assert f"$1,000.00 for {house.own} is recorded as paid." in answer.content.decode()
    row.refresh_from_db()
    assert (row.paid_date, row.paid_amount, row.payment_key) == (today(), Decimal(1000), form["key"])
    assert Ledger.objects.get(related_repayment=row).created_by == house.people[role]


def test_a_double_click_records_one_payment(browser: Browser, house: House) -> None:
    client, row = browser("bd"), house.own.repayments.get()
    answers = [client.post(f"/repayments/{row.pk}/pay/", payment(), headers=HTMX) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert {answer.headers["HX-Trigger"] for answer in answers} == {'{"repayment-paid": {}}'}
    assert Ledger.objects.filter(related_repayment=row).count() == 1


def test_a_second_payment_is_refused_with_the_day_of_the_first(browser: Browser, house: House) -> None:
    client, row = browser("bd"), house.own.repayments.get()
    client.post(f"/repayments/{row.pk}/pay/", payment())
    answer = client.post(f"/repayments/{row.pk}/pay/", payment(key="web-2"), headers=HTMX)
    assert answer.status_code == 409
    assert f"This instalment was already paid on {today()}; nothing was changed." in answer.content.decode()
    page = client.get(f"/repayments/{row.pk}/pay/").content.decode()
    assert "It was already paid on" in page
    assert "Mark as paid" not in page


@pytest.mark.parametrize("headers", [{}, HTMX])
@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"amount": "999.99"}, "999.99 is less than the 1000.00 that is due"),
        ({"amount": "-1"}, "Ensure this value is greater than or equal to 0."),
        ({"amount": "much"}, "Enter a number."),
        ({"amount": "NaN"}, "Enter a number."),
        ({"paid_on": "31/02/2026"}, "Enter a valid date."),
        ({"paid_on": "2090-01-01"}, "A payment cannot be dated in the future"),
    ],
)
def test_what_cannot_be_booked_is_explained_in_place(
    browser: Browser, house: House, given: dict[str, str], complaint: str, headers: dict[str, str]
) -> None:
    row = house.own.repayments.get()
    answer = browser("bd").post(f"/repayments/{row.pk}/pay/", payment(**given), headers=headers)
    assert answer.status_code == 400
    assert complaint in answer.content.decode()
    assert answer.content.decode().startswith("<!doctype html>") == (not headers)
    assert Repayment.objects.get(pk=row.pk).paid_date is None


@pytest.mark.parametrize(("role", "own", "status"), OTHERS)
def test_others_record_nothing(browser: Browser, house: House, role: str, own: bool, status: int) -> None:
    row = (house.own if own else house.other).repayments.get()
    assert browser(role).post(f"/repayments/{row.pk}/pay/", payment()).status_code == status
    assert browser(role).get(f"/repayments/{row.pk}/pay/").status_code == status
    assert Repayment.objects.get(pk=row.pk).paid_date is None
