"""Each day of an unpaid instalment belongs to one step, or to none."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from applications.models import Stage
from applications.reminders.steps import steps
from core.deliveries import Key, prepare
from core.models import DeliveryLedger
from tests.factories import ApplicationFactory, RepaymentFactory

pytestmark = [pytest.mark.unit, pytest.mark.django_db]

TODAY = date(2026, 3, 16)


def due(days_ago: int, **values: object) -> int:
    return RepaymentFactory(due_date=TODAY - timedelta(days=days_ago), **values).pk


def kinds_of(pk: int, *, days_before: tuple[int, ...] = (7,)) -> list[str]:
    return [step.kind for step in steps(days_before) if step.rows(TODAY).filter(pk=pk).exists()]


@pytest.mark.parametrize(
    ("days_late", "expected"),
    [
        (-8, []),
        (-7, ["upcoming_7"]),
        (-1, ["upcoming_7"]),
        (0, ["upcoming_7"]),
        (1, []),
        (2, []),
        (3, ["overdue_3"]),
        (6, ["overdue_3"]),
        (7, ["overdue_7"]),
        (9, ["overdue_7"]),
        (10, ["overdue_10"]),
        (400, ["overdue_10"]),
    ],
)
def test_a_row_is_at_its_highest_step_only(days_late: int, expected: list[str]) -> None:
    assert kinds_of(due(days_late)) == expected


@pytest.mark.parametrize(
    ("days_late", "expected"),
    [(-8, []), (-7, ["upcoming_7"]), (-2, ["upcoming_7"]), (-1, ["upcoming_1"]), (0, ["upcoming_1"]), (1, [])],
)
def test_more_days_before_divide_the_days_among_them(days_late: int, expected: list[str]) -> None:
    assert kinds_of(due(days_late), days_before=(7, 1)) == expected


def test_days_before_may_come_in_any_order_and_nonsense_is_ignored() -> None:
    assert [step.kind for step in steps((1, 14, 7, 1, -3))][3:] == ["upcoming_1", "upcoming_7", "upcoming_14"]
    assert [step.kind for step in steps(())] == ["overdue_10", "overdue_7", "overdue_3"]
    assert [(step.first, step.last) for step in steps((0, 7))][3:] == [(0, 0), (-7, -1)]


def test_a_later_reminder_settles_an_earlier_one_and_never_the_other_way_round() -> None:
    assert {step.kind: step.marks for step in steps((14, 7, 1))} == {
        "overdue_10": "overdue_10_day_sent",
        "overdue_7": "overdue_7_day_sent",
        "overdue_3": "overdue_3_day_sent",
        "upcoming_1": "reminder_sent",
        "upcoming_7": "reminder_sent",
        "upcoming_14": "",
    }


@pytest.mark.parametrize(
    ("days_late", "flag"),
    [(-7, "reminder_sent"), (3, "overdue_3_day_sent"), (7, "overdue_7_day_sent"), (10, "overdue_10_day_sent")],
)
def test_a_flag_takes_the_row_out_of_its_step(days_late: int, flag: str) -> None:
    assert kinds_of(due(days_late, **{flag: True})) == []


def test_a_lower_flag_does_not_matter() -> None:
    assert kinds_of(due(7, reminder_sent=True, overdue_3_day_sent=True)) == ["overdue_7"]


def test_what_is_paid_or_not_owed_is_at_no_step() -> None:
    assert kinds_of(due(3, paid_date=TODAY)) == []
    for stage in (Stage.DECLINED, Stage.WITHDRAWN):
        assert kinds_of(due(3, application=ApplicationFactory(stage=stage))) == []
    for stage in (Stage.INQUIRY, Stage.SETTLEMENT, Stage.FUNDED):
        assert kinds_of(due(3, application=ApplicationFactory(stage=stage))) == ["overdue_3"]


def ledger(pk: int, kind: str, status: str) -> None:
    key = Key("check_repayment_reminders", f"repayment:{pk}", kind, "ann@example.com", "2026-03-13")
    DeliveryLedger.objects.filter(pk=prepare([key])[key].pk).update(status=status)


@pytest.mark.parametrize(
    ("kind", "status", "expected"),
    [
        ("overdue_3", "failed", ["overdue_3"]),
        ("overdue_3", "pending", ["overdue_3"]),  # the office wants it sent again
        ("overdue_3", "sent", []),
        ("overdue_3", "claimed", []),
        ("upcoming_7", "failed", []),
    ],
)
def test_a_flagged_row_comes_again_for_those_who_did_not_get_their_message(
    kind: str, status: str, expected: list[str]
) -> None:
    pk = due(3, overdue_3_day_sent=True)
    ledger(pk + 10, "overdue_3", "failed")  # of another row
    ledger(pk, kind, status)
    assert kinds_of(pk) == expected


def test_a_step_without_a_flag_is_remembered_in_the_ledger() -> None:
    pk = due(-1, reminder_sent=True)
    assert kinds_of(pk, days_before=(7, 1)) == ["upcoming_1"]
    ledger(pk, "upcoming_1", "sent")
    assert kinds_of(pk, days_before=(7, 1)) == []
