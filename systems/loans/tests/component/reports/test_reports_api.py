"""Figures and stored reports over the API: who may see what, in which form, and what is refused."""

from __future__ import annotations

import csv
from datetime import date, timedelta
from io import BytesIO, StringIO
from typing import Any

import pytest
import time_machine
from asgiref.sync import sync_to_async
from django.db import connections
from django.test import AsyncClient
from openpyxl import load_workbook
from rest_framework.test import APIClient

from applications.models import Application
from reports.models import Report
from tests.factories import ApplicationFactory, BrokerFactory, RepaymentFactory
from tests.house import House, build

pytestmark = [pytest.mark.component, pytest.mark.django_db]

FIGURES = ["repayment-compliance", "application-volume", "application-status"]
ROLES = {"admin": 200, "bd": 200, "broker": 200, "client": 403, "accounts": 403}
BAD = [
    ("start=yesterday", "start"),
    ("end=2026-02-30", "end"),
    ("start=2026-03-02&end=2026-03-01", "start"),
    ("start=2000-01-01&end=2026-01-01", "start"),
    ("start=0001-01-01", "start"),
    ("end=9999-12-31", "end"),
    ("start=%00", "start"),
    ("start=99999999999999999999", "start"),
    ("export=pdf", "export"),
]


@pytest.fixture
def house(db: None) -> House:
    return build()


def ask(house: House, role: str, name: str, query: str = "") -> Any:
    return house.api(role).get(f"/api/reports/{name}/?{query}")


@pytest.mark.parametrize("name", FIGURES)
@pytest.mark.parametrize(("role", "status"), ROLES.items())
def test_who_may_read_figures(house: House, name: str, role: str, status: int) -> None:
    assert ask(house, role, name).status_code == status


@pytest.mark.parametrize("name", FIGURES)
def test_nobody_reads_figures_without_a_login(house: House, name: str) -> None:
    assert APIClient().get(f"/api/reports/{name}/").status_code == 401


@pytest.mark.parametrize(("role", "count"), [("admin", 2), ("bd", 1), ("broker", 1)])
def test_everybody_s_figures_are_of_their_own_applications(house: House, role: str, count: int) -> None:
    until = f"end={date.today() + timedelta(days=60)}"  # noqa: DTZ011 - far enough in any zone
    assert ask(house, role, "repayment-compliance", until).data["total"]["due"] == count
    assert ask(house, role, "application-volume").data["total"]["applications"] == count
    assert ask(house, role, "application-status").data["total"]["applications"] == count


@pytest.mark.parametrize("name", FIGURES)
@pytest.mark.parametrize(("query", "field"), BAD)
def test_a_question_that_makes_no_sense_is_explained(house: House, name: str, query: str, field: str) -> None:
    answer = ask(house, "admin", name, query)
    assert answer.status_code == 400
    assert list(answer.data) == [field]


@pytest.mark.parametrize(
    ("name", "query"),
    [("repayment-compliance", "by=year"), ("application-volume", "by=day"), ("application-volume", "group=client")],
)
def test_an_unknown_choice_is_explained(house: House, name: str, query: str) -> None:
    answer = ask(house, "admin", name, query)
    assert answer.status_code == 400
    assert "is not a valid choice" in str(answer.data)


@pytest.mark.parametrize(
    "edge", ["start=1900-01-01&end=1900-01-01", "start=2199-12-31&end=2199-12-31", "end=1900-01-02"]
)
@pytest.mark.parametrize("name", FIGURES)
def test_the_edges_of_the_calendar_are_no_trouble(house: House, name: str, edge: str) -> None:
    assert ask(house, "admin", name, edge).status_code == 200


@time_machine.travel("2026-04-10T12:00:00+10:00", tick=False)
def test_compliance_in_full() -> None:
    house = build()
    RepaymentFactory(application=house.own, due_date=date(2026, 3, 5), paid_date=date(2026, 3, 6))
    RepaymentFactory(application=house.own, due_date=date(2026, 4, 9))
    RepaymentFactory(application=house.own, due_date=date(2026, 4, 10))  # today: not overdue
    answer = ask(house, "bd", "repayment-compliance", "start=2026-03-01").json()
    assert (answer["start"], answer["end"]) == ("2026-03-01", "2026-04-10")
    assert answer["rows"] == [
        {
            "period": "2026-03-01",
            "due": 1,
            "due_amount": "1000.00",
            "paid_on_time": 0,
            "paid_late": 1,
            "paid_amount": "1000.00",
            "unpaid": 0,
            "unpaid_amount": "0.00",
            "not_yet_due": 0,
            "on_time_rate": "0.0",
            "paid_rate": "100.0",
        },
        {
            "period": "2026-04-01",
            "due": 2,
            "due_amount": "2000.00",
            "paid_on_time": 0,
            "paid_late": 0,
            "paid_amount": "0.00",
            "unpaid": 1,
            "unpaid_amount": "1000.00",
            "not_yet_due": 1,
            "on_time_rate": "0.0",
            "paid_rate": "0.0",
        },
    ]
    assert (answer["total"]["due"], answer["total"]["paid_rate"]) == (3, "50.0")


@time_machine.travel("2026-04-10T12:00:00+10:00", tick=False)
def test_without_dates_it_is_this_month_and_the_twelve_before() -> None:
    answer = ask(build(), "admin", "application-volume").json()
    assert (answer["start"], answer["end"]) == ("2025-04-01", "2026-04-10")
    assert ask(build(), "admin", "application-status").json()["start"] is None


@time_machine.travel("2026-04-10T12:00:00+10:00", tick=False)
def test_volume_by_week_and_broker() -> None:
    house = build()
    answer = ask(house, "bd", "application-volume", "by=week&group=broker").json()
    assert answer["rows"] == [
        {
            "period": "2026-04-06",
            "group_id": house.own.broker_id,
            "group": house.own.broker.name,
            "applications": 1,
            "amount": "500000.00",
        }
    ]


@time_machine.travel("2026-04-10T12:00:00+10:00", tick=False)
def test_the_status_can_be_of_those_that_came_in_during_a_period() -> None:
    house = build()
    for query, expected in (("start=2026-04-10", 2), ("end=2026-04-09", 0), ("start=2026-04-11&end=2026-04-12", 0)):
        assert ask(house, "admin", "application-status", query).json()["total"]["applications"] == expected


@pytest.mark.parametrize("name", FIGURES)
def test_csv_has_the_same_rows_and_is_streamed(house: House, name: str) -> None:
    rows = ask(house, "admin", name, "end=2199-12-31&start=2199-01-01").json()["rows"]
    answer = ask(house, "admin", name, "export=csv&end=2199-12-31&start=2199-01-01")
    assert (answer.status_code, answer.streaming, answer["Content-Type"]) == (200, True, "text/csv; charset=utf-8")
    assert answer["Content-Disposition"] == f'attachment; filename="{name}.csv"'
    table = list(csv.DictReader(StringIO(answer.getvalue().decode())))
    assert len(table) == len(rows)
    plain = [{key: "" if value is None else str(value) for key, value in row.items()} for row in rows]
    assert table == plain


def test_csv_disarms_a_name_that_is_a_formula(house: House) -> None:
    Application.objects.update(broker=BrokerFactory(name="=HYPERLINK(1)"))
    answer = ask(house, "admin", "application-volume", "export=csv&group=broker")
    assert "'=HYPERLINK(1)" in answer.getvalue().decode()


def test_xlsx_has_numbers_dates_and_no_formula(house: House) -> None:
    Application.objects.update(broker=BrokerFactory(name="=1+1"))
    answer = ask(house, "admin", "application-volume", "export=xlsx&group=broker")
    assert answer["Content-Disposition"] == 'attachment; filename="application-volume.xlsx"'
    header, row = load_workbook(BytesIO(answer.content)).active.iter_rows()
    assert [cell.value for cell in header] == ["period", "group_id", "group", "applications", "amount"]
    assert [cell.data_type for cell in row] == ["d", "n", "s", "n", "n"]
    assert [cell.value for cell in row[2:]] == ["=1+1", 2, 1000000]


def test_a_question_costs_few_statements(house: House, django_assert_max_num_queries: Any) -> None:
    ApplicationFactory.create_batch(10)
    for name in FIGURES:
        with django_assert_max_num_queries(2):
            ask(house, "admin", name)


@pytest.mark.asyncio
@pytest.mark.django_db(transaction=True)
async def test_csv_is_streamed_through_asgi_too(admin_user: Any) -> None:
    client = AsyncClient()
    await client.aforce_login(admin_user)
    answer = await client.get("/api/reports/application-status/?export=csv")
    assert answer.is_async
    text = b"".join([part async for part in answer]).decode()
    await sync_to_async(connections.close_all)()
    assert text.splitlines()[:2] == [
        "stage,applications,amount,mean_days_in_stage,longest_days_in_stage",
        "inquiry,0,0.00,,",
    ]


@pytest.fixture
def stored(db: None) -> Report:
    data = {"compliance": {"due": 1}}
    return Report.objects.create(
        kind="monthly_compliance", period_start=date(2026, 3, 1), period_end=date(2026, 3, 31), data=data
    )


@pytest.mark.parametrize("role", ROLES)
def test_stored_reports_are_for_administrators(house: House, stored: Report, role: str) -> None:
    expected = 200 if role == "admin" else 403
    assert house.api(role).get("/api/reports/").status_code == expected
    assert house.api(role).get(f"/api/reports/{stored.pk}/").status_code == expected


def test_a_stored_report_tells_its_period_and_its_figures(house: House, stored: Report) -> None:
    (listed,) = house.api("admin").get("/api/reports/").json()["results"]
    assert listed == house.api("admin").get(f"/api/reports/{stored.pk}/").json()
    assert (listed["kind"], listed["period_start"], listed["period_end"]) == (
        "monthly_compliance",
        "2026-03-01",
        "2026-03-31",
    )
    assert listed["data"] == {"compliance": {"due": 1}}


@pytest.mark.parametrize("path", ["0/", "99999999999999999999999/", "weekly/", "-1/"])
def test_an_unknown_report_is_not_found(house: House, path: str) -> None:
    assert house.api("admin").get(f"/api/reports/{path}").status_code == 404


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_reports_are_only_read(house: House, stored: Report, method: str) -> None:
    for path in ("", f"{stored.pk}/", *(f"{name}/" for name in FIGURES)):
        assert getattr(house.api("admin"), method)(f"/api/reports/{path}").status_code == 405
