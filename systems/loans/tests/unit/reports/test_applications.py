"""Application volume and status: what came in, and where it stands, now and as it was."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.db.models import Q

from applications.models import Application, Stage, StageChange
from core.clock import zone
from core.periods import Period
from reports.selectors import made_before, made_in, status, volume, volume_total
from tests.factories import ApplicationFactory, BDMFactory, BrokerFactory

pytestmark = [pytest.mark.unit, pytest.mark.django_db]

SPRING = Period(date(2026, 3, 1), date(2026, 4, 30))


def local(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone())


def made(moment: str, **values: Any) -> Application:
    application = ApplicationFactory(**values)
    Application.objects.filter(pk=application.pk).update(created_at=local(moment))
    return application


def moved(application: Application, before: Stage, after: Stage, moment: str) -> None:
    StageChange.objects.create(application=application, from_stage=before, to_stage=after, changed_at=local(moment))
    Application.objects.filter(pk=application.pk).update(stage=after, stage_last_updated=local(moment))


def test_months_are_those_of_the_office() -> None:
    for moment in ("2026-02-28 23:59:59", "2026-03-01 00:00", "2026-03-31 23:59:59", "2026-04-01 00:00"):
        made(moment, loan_amount=Decimal("1000.50"))
    rows = list(volume(made_in(SPRING, Q()), "month", "stage"))
    assert [(row["period"], row["applications"], row["amount"]) for row in rows] == [
        (date(2026, 3, 1), 2, Decimal("2001.00")),
        (date(2026, 4, 1), 1, Decimal("1000.50")),
    ]
    assert volume_total(made_in(SPRING, Q())) == {"applications": 3, "amount": Decimal("3001.50")}


@pytest.mark.parametrize("moment", ["2026-04-05 00:30", "2026-04-05 23:30"])  # the clocks go back: 25 hours
def test_a_long_day_belongs_to_its_week(moment: str) -> None:
    made(moment)
    (row,) = volume(made_in(SPRING, Q()), "week", "stage")
    assert row["period"] == date(2026, 3, 30)


def test_two_brokers_of_one_name_are_two() -> None:
    first, second = BrokerFactory(name="Smith"), BrokerFactory(name="Smith")
    made("2026-03-02 09:00", broker=first)
    made("2026-03-03 09:00", broker=first)
    made("2026-03-04 09:00", broker=second)
    made("2026-03-05 09:00", broker=None)
    rows = {row["group_id"]: row for row in volume(made_in(SPRING, Q()), "month", "broker")}
    assert {key: (row["group"], row["applications"]) for key, row in rows.items()} == {
        None: (None, 1),
        first.pk: ("Smith", 2),
        second.pk: ("Smith", 1),
    }


def test_managers_and_stages_are_groups_too() -> None:
    manager = BDMFactory(name="Max")
    made("2026-03-02 09:00", bd=manager, stage=Stage.VALUATION, loan_amount=None)
    (by_manager,) = volume(made_in(SPRING, Q()), "month", "bd")
    (by_stage,) = volume(made_in(SPRING, Q()), "month", "stage")
    assert (by_manager["group"], by_manager["group_id"], by_manager["amount"]) == ("Max", manager.pk, 0)
    assert (by_stage["group"], by_stage["group_id"]) == ("valuation", None)


@time_machine.travel("2026-03-11T00:00:00+11:00", tick=False)
def test_the_status_tells_each_stage_and_how_long() -> None:
    made("2026-03-01 00:00", loan_amount=Decimal(1000))
    made("2026-03-08 12:00", loan_amount=Decimal(2000))
    moved(made("2026-01-01 00:00"), Stage.INQUIRY, Stage.PRE_APPROVAL, "2026-03-10 12:00")
    rows = {row["stage"]: row for row in status(Application.objects.all())}
    assert list(rows) == Stage.values
    assert rows["inquiry"] == {
        "stage": "inquiry",
        "applications": 2,
        "amount": Decimal("3000.00"),
        "mean_days_in_stage": Decimal("6.3"),  # of 10 and 2.5: 6.25
        "longest_days_in_stage": Decimal("10.0"),
    }
    assert rows["pre_approval"]["longest_days_in_stage"] == Decimal("0.5")
    assert rows["funded"] == {
        "stage": "funded",
        "applications": 0,
        "amount": 0,
        "mean_days_in_stage": None,
        "longest_days_in_stage": None,
    }


def test_the_status_of_then_is_not_that_of_now() -> None:
    still, twice, later = (made("2026-03-01 00:00") for _ in range(3))
    made("2026-03-20 00:00")
    moved(twice, Stage.INQUIRY, Stage.PRE_APPROVAL, "2026-03-05 00:00")
    moved(twice, Stage.PRE_APPROVAL, Stage.DECLINED, "2026-03-12 00:00")
    moved(later, Stage.INQUIRY, Stage.WITHDRAWN, "2026-03-12 00:00")
    then = local("2026-03-09 00:00")
    rows = {row["stage"]: row for row in status(made_before(then), as_of=then) if row["applications"]}
    assert {stage: row["applications"] for stage, row in rows.items()} == {"inquiry": 2, "pre_approval": 1}
    assert rows["inquiry"]["longest_days_in_stage"] == Decimal("8.0")
    assert rows["pre_approval"]["longest_days_in_stage"] == Decimal("4.0")
    assert Application.objects.get(pk=still.pk).stage == "inquiry"
