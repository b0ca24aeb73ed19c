"""Moving a card: who may, what is asked, what is told, and what happens when it is not possible."""

from __future__ import annotations

import re

import pytest
from coldframe import Bench

from applications.models import Application, StageChange
from applications.tasks import send_application_status_notification
from tests.component.web.conftest import HTMX, OTHERS, Browser
from tests.house import House

pytestmark = [pytest.mark.component, pytest.mark.django_db, pytest.mark.coldframe(undrained="allow")]


def stage_of(application: Application) -> str:
    return Application.objects.get(pk=application.pk).stage


@pytest.mark.parametrize("role", ["admin", "bd"])
def test_managers_move_it_with_a_plain_form(browser: Browser, house: House, coldframe: Bench, role: str) -> None:
    client, path = browser(role), f"/applications/{house.own.pk}/move/"
    page = client.get(f"{path}?next=/%3Fstage%3Dinquiry").content.decode()
    assert page.startswith("<!doctype html>")
    assert re.findall(r'name="to_stage" value="(\w+)"', page) == ["pre_approval", "declined", "withdrawn"]
    form = dict(re.findall(r'name="(from_stage|next)" value="([^"]*)"', page))
    answer = client.post(path, {**form, "to_stage": "pre_approval"}, follow=True)
    assert answer.redirect_chain == [("/?stage=inquiry", 302)]
    assert f"{house.own} is now in Pre-approval." in answer.content.decode()
    assert stage_of(house.own) == "pre_approval"
    assert StageChange.objects.get().changed_by == house.people[role]
    (sent,) = coldframe.assert_queued(send_application_status_notification)
    assert sent.args == (house.own.pk, "pre_approval")


def test_htmx_gets_a_form_for_the_dialog_and_then_an_event(browser: Browser, house: House, coldframe: Bench) -> None:
    client, path = browser("bd"), f"/applications/{house.own.pk}/move/"
    part = client.get(path, headers=HTMX).content.decode()
    assert part.lstrip().startswith("<form")
    assert f'hx-post="{path}" hx-target="#dialog"' in part
    answer = client.post(path, {"from_stage": "inquiry", "to_stage": "declined"}, headers=HTMX)
    assert (answer.status_code, answer.headers["HX-Trigger"]) == (200, '{"stage-changed": {}}')
    assert 'hx-swap-oob="true"' in answer.content.decode()
    assert f"{house.own} is now in Declined." in answer.content.decode()
    assert stage_of(house.own) == "declined"


@pytest.mark.parametrize(("role", "own", "status"), OTHERS)
@pytest.mark.parametrize("method", ["get", "post"])
def test_others_do_not_move_it(
    browser: Browser, house: House, coldframe: Bench, role: str, own: bool, status: int, method: str
) -> None:
    application = house.own if own else house.other
    form = {"from_stage": "inquiry", "to_stage": "pre_approval"}
    answer = getattr(browser(role), method)(f"/applications/{application.pk}/move/", form)
    assert answer.status_code == status
    assert stage_of(application) == "inquiry"
    coldframe.assert_not_queued(send_application_status_notification)


def test_a_broker_sees_no_button(browser: Browser, house: House) -> None:
    for path in ("/", f"/applications/{house.own.pk}/"):
        assert "/move/" in browser("bd").get(path).content.decode()
        assert "/move/" not in browser("broker").get(path).content.decode()


@pytest.mark.parametrize("headers", [{}, HTMX])
@pytest.mark.parametrize(
    ("form", "complaint"),
    [
        ({"from_stage": "inquiry", "to_stage": "funded"}, "Select a valid choice. funded is not one of"),
        ({"from_stage": "inquiry"}, "Choose the stage to move it to."),
        (
            {"from_stage": "valuation", "to_stage": "declined"},
            "moved it meanwhile: it is in Inquiry now.",
        ),
        ({}, "Somebody else moved it meanwhile"),
    ],
)
def test_what_is_not_possible_is_explained_in_place(
    browser: Browser, house: House, coldframe: Bench, form: dict[str, str], complaint: str, headers: dict[str, str]
) -> None:
    answer = browser("bd").post(f"/applications/{house.own.pk}/move/", form, headers=headers)
    assert answer.status_code == 400
    page = answer.content.decode()
    assert complaint in page
    assert page.startswith("<!doctype html>") == (not headers)
    assert stage_of(house.own) == "inquiry"
    coldframe.assert_not_queued(send_application_status_notification)


def test_the_rules_of_the_business_answer_in_place(browser: Browser, house: House, coldframe: Bench) -> None:
    Application.objects.update(stage="settlement", loan_term=None)
    form = {"from_stage": "settlement", "to_stage": "funded"}
    answer = browser("bd").post(f"/applications/{house.own.pk}/move/", form, headers=HTMX)
    assert answer.status_code == 400
    assert "has no amount or no term; enter both before it is funded." in answer.content.decode()
    assert stage_of(house.own) == "settlement"


def test_what_is_closed_stays(browser: Browser, house: House, coldframe: Bench) -> None:
    Application.objects.update(stage="withdrawn")
    page = browser("bd").get(f"/applications/{house.own.pk}/move/").content.decode()
    assert "This application is closed: its stage no longer changes." in page
    assert "Move it" not in page
    form = {"from_stage": "withdrawn", "to_stage": "inquiry"}
    answer = browser("bd").post(f"/applications/{house.own.pk}/move/", form)
    assert answer.status_code == 400


def test_a_click_sent_twice_moves_it_once(browser: Browser, house: House, coldframe: Bench) -> None:
    client, form = browser("bd"), {"from_stage": "inquiry", "to_stage": "pre_approval"}
    statuses = [client.post(f"/applications/{house.own.pk}/move/", form).status_code for _ in range(2)]
    assert statuses == [302, 400]
    assert (stage_of(house.own), StageChange.objects.count()) == ("pre_approval", 1)


def test_the_way_back_never_leaves_the_site(browser: Browser, house: House, coldframe: Bench) -> None:
    form = {"from_stage": "inquiry", "to_stage": "declined", "next": "https://evil.example/"}
    assert browser("bd").post(f"/applications/{house.own.pk}/move/", form).url == "/"


@pytest.mark.parametrize("path", ["/applications/{}/move/", "/applications/{}/", "/repayments/{}/pay/"])
def test_an_address_that_leads_nowhere_is_a_404(browser: Browser, house: House, path: str) -> None:
    for pk in (0, 10**6, 10**30):
        answer = browser("admin").get(path.format(pk))
        assert answer.status_code == 404
        assert "There is nothing here" in answer.content.decode()
