"""An application moves over the API: by its own people only, by the rules, and told after the commit."""

from __future__ import annotations

import pytest
from coldframe import Bench
from django.db import transaction

from applications.models import ActiveLoan, Application, Stage, StageChange
from applications.tasks import send_application_status_notification
from documents.models import Note
from tests.factories import ApplicationFactory
from tests.house import House
from users.models import Notification

pytestmark = [pytest.mark.component, pytest.mark.django_db, pytest.mark.coldframe(undrained="allow")]


def test_a_move_is_made_and_told_to_those_whom_it_concerns(house: House, coldframe: Bench) -> None:
    answer = house.call("bd", "post", "update_stage/", {"stage": "pre_approval"})
    assert answer.status_code == 200
    assert (answer.json()["stage"], answer.json()["allowed_moves"][0]) == ("pre_approval", "valuation")
    assert answer.json()["stage_last_updated"] == answer.json()["in_stage_since"]
    assert StageChange.objects.get().changed_by == house.people["bd"]
    (sent,) = coldframe.assert_queued(send_application_status_notification)
    assert sent.args == (house.own.pk, "pre_approval")
    coldframe.drain()
    told = Notification.objects.filter(notification_type="application_status").values_list("user__email", flat=True)
    assert sorted(told) == sorted(house.people[role].email for role in ("admin", "bd", "broker", "client"))


def test_the_whole_way_to_a_loan(house: House, coldframe: Bench) -> None:
    for stage in list(Stage)[1:6]:
        assert house.call("bd", "post", "update_stage/", {"stage": stage}).json()["stage"] == stage
    assert ActiveLoan.objects.get().application == house.own
    assert StageChange.objects.count() == 5
    answer = house.call("bd", "post", "update_stage/", {"stage": "withdrawn"})
    assert (answer.status_code, answer.json()["detail"]) == (
        400,
        f"{house.own.reference_number} is closed (Funded): its stage no longer changes.",
    )


@pytest.mark.parametrize("stage", ["inquiry", "valuation", "formal_approval", "settlement", "funded"])
def test_a_stage_is_not_jumped(house: House, coldframe: Bench, stage: str) -> None:
    answer = house.call("admin", "post", "update_stage/", {"stage": stage})
    assert answer.status_code == 400
    assert answer.json()["detail"].endswith("can move to: Pre-approval, Declined, Withdrawn.")
    coldframe.assert_not_queued(send_application_status_notification)
    assert Application.objects.get(pk=house.own.pk).stage == "inquiry"


def test_nobody_funds_the_application_of_somebody_else(house: House, coldframe: Bench) -> None:
    Application.objects.update(stage="settlement")
    answer = house.api("bd").post(f"/api/applications/{house.other.pk}/update_stage/", {"stage": "funded"})
    assert answer.status_code == 404
    assert Application.objects.get(pk=house.other.pk).stage == "settlement"
    coldframe.assert_not_queued(send_application_status_notification)


def test_what_is_rolled_back_is_told_to_nobody(house: House, coldframe: Bench) -> None:
    with pytest.raises(ValueError, match="power cut"), transaction.atomic():
        assert house.call("bd", "post", "update_stage/", {"stage": "pre_approval"}).status_code == 200
        raise ValueError("power cut")
    coldframe.assert_not_queued(send_application_status_notification)
    assert (Application.objects.get(pk=house.own.pk).stage, StageChange.objects.count()) == ("inquiry", 0)


def test_a_funding_that_fails_half_way_leaves_nothing(house: House, coldframe: Bench) -> None:
    Application.objects.update(stage="settlement", loan_term=None)
    answer = house.call("bd", "post", "update_stage/", {"stage": "funded"})
    assert (answer.status_code, "has no amount or no term" in answer.json()["detail"]) == (400, True)
    assert Application.objects.get(pk=house.own.pk).stage == "settlement"
    assert Note.objects.filter(title="Stage: Funded").count() == 0
    coldframe.assert_not_queued(send_application_status_notification)


def test_borrowers_are_added_and_removed(house: House) -> None:
    known = ApplicationFactory(bd=house.own.bd, borrowers=[house.other.borrowers.first()])
    new = known.borrowers.get()
    answer = house.call("bd", "post", "add_borrowers/", {"borrower_ids": [new.pk, new.pk]})
    assert (answer.status_code, len(answer.json()["borrowers"])) == (200, 3)
    assert new.pk in {borrower["id"] for borrower in answer.json()["borrowers"]}
    answer = house.call("bd", "post", "remove_borrowers/", {"borrower_ids": [new.pk]})
    assert (answer.status_code, len(answer.json()["borrowers"])) == (200, 2)


@pytest.mark.parametrize("action", ["add_borrowers", "remove_borrowers"])
def test_borrowers_whom_one_does_not_see_are_neither_added_nor_removed(house: House, action: str) -> None:
    strange = house.other.borrowers.first().pk
    for ids in ([strange], [strange, 10**15], [house.own.borrowers.first().pk, strange]):
        answer = house.call("broker", "post", f"{action}/", {"borrower_ids": ids})
        assert answer.status_code == 400
        assert str(strange) in answer.json()["borrower_ids"][0]
    assert house.own.borrowers.count() == 2


@pytest.mark.parametrize("action", ["add_borrowers", "remove_borrowers"])
def test_the_borrowers_of_a_closed_application_stay(house: House, action: str) -> None:
    Application.objects.update(stage="declined")
    mine = [house.own.borrowers.first().pk]
    assert house.call("bd", "post", f"{action}/", {"borrower_ids": mine}).status_code == 409
    assert house.own.borrowers.count() == 2
