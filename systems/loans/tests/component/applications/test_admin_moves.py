"""The stage moves in the admin, too: by the rules, by the right people, and told after the commit."""

from __future__ import annotations

from typing import Any

import pytest
from coldframe import Bench
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse

from applications.models import Application, StageChange
from applications.tasks import send_application_status_notification
from tests.house import House
from users.models import User

pytestmark = [pytest.mark.component, pytest.mark.django_db, pytest.mark.coldframe(undrained="allow")]

LIST = "admin:applications_application_changelist"
CHANGE = "admin:applications_application_change"
MOVE = "admin:applications_application_move"


def said(answer: Any) -> list[str]:
    return [str(message) for message in get_messages(answer.wsgi_request)]


@pytest.mark.parametrize("stage", ["pre_approval", "declined", "withdrawn"])
def test_a_button_moves_the_application_and_tells_its_people(
    house: House, office: Client, coldframe: Bench, stage: str
) -> None:
    answer = office.post(reverse(MOVE, args=[house.own.pk]), {"stage": stage})
    assert answer.url == reverse(CHANGE, args=[house.own.pk])
    assert Application.objects.get(pk=house.own.pk).stage == stage
    label = {"pre_approval": "Pre-approval", "declined": "Declined", "withdrawn": "Withdrawn"}[stage]
    assert said(answer) == [f"{house.own} is now in stage {label}."]
    (sent,) = coldframe.assert_queued(send_application_status_notification)
    assert sent.args == (house.own.pk, stage)


@pytest.mark.parametrize("stage", ["funded", "valuation", "nonsense", ""])
def test_a_button_that_is_not_there_moves_nothing(house: House, office: Client, coldframe: Bench, stage: str) -> None:
    answer = office.post(reverse(MOVE, args=[house.own.pk]), {"stage": stage})
    assert "can move to: Pre-approval, Declined, Withdrawn." in said(answer)[0]
    assert StageChange.objects.count() == 0
    coldframe.assert_not_queued(send_application_status_notification)


def test_nothing_moves_by_following_a_link(house: House, office: Client) -> None:
    assert office.get(reverse(MOVE, args=[house.own.pk]), {"stage": "declined"}).status_code == 405
    assert Application.objects.get(pk=house.own.pk).stage == "inquiry"


def test_nothing_moves_from_another_site(house: House, office: Client) -> None:
    careful = Client(enforce_csrf_checks=True)
    careful.force_login(User.objects.get(is_superuser=True))
    assert careful.post(reverse(MOVE, args=[house.own.pk]), {"stage": "declined"}).status_code == 403


@pytest.mark.parametrize(
    ("action", "stage"), [("move_to_next_stage", "pre_approval"), ("decline", "declined"), ("withdraw", "withdrawn")]
)
def test_an_action_moves_those_that_can_and_says_why_the_others_stay(
    house: House, office: Client, coldframe: Bench, action: str, stage: str
) -> None:
    Application.objects.filter(pk=house.other.pk).update(stage="funded")
    chosen = {"action": action, "_selected_action": [house.own.pk, house.other.pk]}
    answer = office.post(reverse(LIST), chosen)
    assert Application.objects.get(pk=house.own.pk).stage == stage
    assert Application.objects.get(pk=house.other.pk).stage == "funded"
    messages = said(answer)
    assert f"{house.other} is closed (Funded): its stage no longer changes." in messages
    assert len(messages) == 2
    assert len(coldframe.assert_queued(send_application_status_notification)) == 1


def test_a_manager_works_with_their_own_applications_here_too(house: House, coldframe: Bench) -> None:
    client = house.staff("bd", "view_application", "change_application")
    page = client.get(reverse(LIST)).content.decode()
    assert house.own.reference_number in page
    assert house.other.reference_number not in page
    assert client.post(reverse(MOVE, args=[house.own.pk]), {"stage": "pre_approval"}).status_code == 302
    assert client.post(reverse(MOVE, args=[house.other.pk]), {"stage": "declined"}).status_code == 404
    assert Application.objects.get(pk=house.other.pk).stage == "inquiry"


def test_a_broker_moves_nothing_here_either(house: House) -> None:
    client = house.staff("broker", "view_application", "change_application")
    assert "Move to" not in client.get(reverse(CHANGE, args=[house.own.pk])).content.decode()
    assert client.post(reverse(MOVE, args=[house.own.pk]), {"stage": "declined"}).status_code == 403
    client.post(reverse(LIST), {"action": "decline", "_selected_action": [house.own.pk]})
    assert Application.objects.get(pk=house.own.pk).stage == "inquiry"


def test_who_may_only_look_moves_nothing(house: House) -> None:
    client = house.staff("bd", "view_application")
    assert client.post(reverse(MOVE, args=[house.own.pk]), {"stage": "declined"}).status_code == 403
