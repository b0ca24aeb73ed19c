"""The list behind the bell, and the token for its WebSocket."""

from __future__ import annotations

import json
import re

import pytest
import time_machine
from django.test import Client
from pytest_django import DjangoAssertNumQueries
from rest_framework_simplejwt.exceptions import TokenError
from rest_framework_simplejwt.tokens import AccessToken

from tests.component.web.conftest import HTMX, Browser
from tests.factories import NotificationFactory
from tests.house import House
from users.models import Notification

pytestmark = [pytest.mark.component, pytest.mark.django_db]


def titles(page: str) -> list[str]:
    return re.findall(r"(Mine \d)(?:</a>)?</strong>", page)


def test_the_page_counts_what_is_unread(browser: Browser, house: House) -> None:
    client = browser("bd")
    assert re.search(r'class="bell-count" hidden><span data-count>0<', client.get("/").content.decode())
    NotificationFactory.create_batch(2, user=house.people["bd"])
    NotificationFactory(user=house.people["bd"], is_read=True)
    NotificationFactory(user=house.people["broker"])
    assert re.search(r'class="bell-count"><span data-count>2<', client.get("/").content.decode())


def test_people_see_their_own_the_latest_first(
    browser: Browser, house: House, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for number in (1, 2):
        NotificationFactory(user=house.people["bd"], title=f"Mine {number}")
    NotificationFactory(user=house.people["broker"], title="Theirs")
    client = browser("bd")
    with django_assert_num_queries(3):  # session, person, notifications
        page = client.get("/notifications/", headers=HTMX).content.decode()
    assert titles(page) == ["Mine 2", "Mine 1"]
    assert "Theirs" not in page
    assert titles(client.get("/notifications/").content.decode()) == ["Mine 2", "Mine 1"]


def test_a_notification_leads_to_its_application(browser: Browser, house: House) -> None:
    NotificationFactory(
        user=house.people["bd"], title="Mine 1", related_object_type="application", related_object_id=house.own.pk
    )
    page = browser("bd").get("/notifications/").content.decode()
    assert f'<a href="/applications/{house.own.pk}/">Mine 1</a>' in page


def test_one_is_marked_as_read_or_all(browser: Browser, house: House) -> None:
    rows = NotificationFactory.create_batch(3, user=house.people["bd"])
    client = browser("bd")
    answer = client.post("/notifications/read/", {"id": rows[0].pk}, headers=HTMX)
    assert json.loads(answer.headers["HX-Trigger"]) == {"unread": {"count": 2}}
    assert answer.content.decode().count('class="new"') == 2
    assert client.post("/notifications/read/").url == "/notifications/"
    assert Notification.objects.filter(is_read=False).count() == 0


def test_nobody_reads_for_others(browser: Browser, house: House) -> None:
    theirs = NotificationFactory(user=house.people["broker"])
    for form in ({"id": theirs.pk}, {"id": 10**30}, {}):
        assert browser("bd").post("/notifications/read/", form).status_code == 302
    assert Notification.objects.get().is_read is False


@pytest.mark.parametrize("given", ["no", "-1", "1.5"])
def test_an_id_that_is_none_is_refused(browser: Browser, given: str) -> None:
    answer = browser("bd").post("/notifications/read/", {"id": given})
    assert (answer.status_code, answer.content.decode()) == (
        400,
        "Which notification? Send its id, or no id for all of them.",
    )


def test_the_token_is_an_access_token_for_five_minutes(browser: Browser, house: House) -> None:
    with time_machine.travel("2026-03-01T12:00:00Z", tick=False):
        answer = browser("bd").get("/notifications/token/")
        given = answer.json()
        assert given["expires_in"] == 300
        assert AccessToken(given["token"])["user_id"] == str(house.people["bd"].pk)
        assert "no-store" in answer.headers["Cache-Control"]
    with time_machine.travel("2026-03-01T12:05:01Z", tick=False), pytest.raises(TokenError, match="Token is expired"):
        AccessToken(given["token"])


def test_there_is_no_token_for_strangers_and_clients(browser: Browser) -> None:
    for client in (Client(), browser("client")):
        answer = client.get("/notifications/token/")
        assert (answer.status_code, answer.json()) == (401, {"detail": "Log in first."})
    assert browser("bd").post("/notifications/token/").status_code == 405
