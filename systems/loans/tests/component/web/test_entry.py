"""Login, logout, and who is let in."""

from __future__ import annotations

import re

import pytest
from django.template.loader import render_to_string
from django.test import Client
from django.urls import reverse

from tests.component.web.conftest import HTMX, Browser
from tests.factories import PASSWORD, UserFactory
from tests.house import House

pytestmark = [pytest.mark.component, pytest.mark.django_db]

PAGES = ["pipeline", "repayments", "notifications"]


def log_in(email: str, password: str = PASSWORD, following: str = "") -> tuple[Client, object]:
    client = Client(enforce_csrf_checks=True)
    page = client.get(reverse("web:login"), {"next": following} if following else None).content.decode()
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page)
    assert token
    form = {"username": email, "password": password, "csrfmiddlewaretoken": token[1], "next": following}
    return client, client.post(reverse("web:login"), form)


def test_one_logs_in_with_the_e_mail_address(house: House) -> None:
    client, answer = log_in(house.people["bd"].email)
    assert (answer.status_code, answer.url) == (302, "/")
    assert client.get("/").status_code == 200


def test_capitals_in_the_address_do_not_matter(house: House) -> None:
    assert log_in(house.people["bd"].email.upper())[1].status_code == 302


def test_the_page_that_was_wanted_comes_after_the_login(house: House) -> None:
    wanted = Client().get("/repayments/?show=soon")
    assert (wanted.status_code, wanted.url) == (302, "/login/?next=/repayments/%3Fshow%3Dsoon")
    assert log_in(house.people["bd"].email, following="/repayments/?show=soon")[1].url == "/repayments/?show=soon"


def test_nobody_is_sent_to_another_site(house: House) -> None:
    assert log_in(house.people["bd"].email, following="https://evil.example/")[1].url == "/"


@pytest.mark.parametrize(("email", "password"), [("", ""), ("bd", "x"), ("stranger@example.com", PASSWORD)])
def test_a_wrong_login_is_explained_and_lets_nobody_in(house: House, email: str, password: str) -> None:
    client, answer = log_in(email, password)
    assert answer.status_code == 200
    assert 'role="alert"' in answer.content.decode()
    assert client.get("/").status_code == 302


def test_a_person_who_was_deactivated_is_not_let_in() -> None:
    UserFactory(email="gone@example.com", role="bd", is_active=False)
    assert "do not belong together. Please try again." in log_in("gone@example.com")[1].content.decode()


def test_a_form_without_its_token_is_refused(house: House) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(house.people["admin"])
    for path in ("/logout/", f"/applications/{house.own.pk}/move/", "/notifications/read/"):
        assert client.post(path).status_code == 403


def test_one_logs_out_with_a_button_only(browser: Browser) -> None:
    client = browser("bd")
    assert client.get("/logout/").status_code == 405
    assert client.post("/logout/").url == "/login/"
    assert client.get("/").status_code == 302


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("role", ["admin", "bd", "broker", "accounts"])
def test_the_office_sees_the_pages(browser: Browser, role: str, page: str) -> None:
    assert browser(role).get(reverse(f"web:{page}")).status_code == 200


@pytest.mark.parametrize("page", [*PAGES, "jobs"])
def test_a_client_is_told_kindly_that_there_is_nothing_here(browser: Browser, page: str) -> None:
    answer = browser("client").get(reverse(f"web:{page}"))
    assert answer.status_code == 403
    assert "These pages are for the people who look after your application" in answer.content.decode()


def test_a_client_sees_not_even_the_own_application(browser: Browser, house: House) -> None:
    answer = browser("client").get(f"/applications/{house.own.pk}/")
    assert answer.status_code == 403
    assert house.own.reference_number not in answer.content.decode()


def test_a_part_of_a_page_sends_the_whole_page_to_the_login() -> None:
    answer = Client().get("/", headers=HTMX)
    assert (answer.status_code, answer.headers["HX-Redirect"]) == (200, "/login/")


@pytest.mark.parametrize("role", ["bd", "broker", "accounts"])
def test_background_jobs_are_for_administrators(browser: Browser, role: str) -> None:
    answer = browser(role).get("/jobs/")
    assert answer.status_code == 403
    assert "This page is for administrators." in answer.content.decode()
    assert "/jobs/" not in browser(role).get("/").content.decode()


def test_pages_run_nothing_that_is_written_into_them(browser: Browser, house: House) -> None:
    client = browser("admin")
    for path in ("/", "/repayments/", "/jobs/", "/notifications/", f"/applications/{house.own.pk}/", "/login/"):
        answer = client.get(path, follow=True)
        assert answer.headers["Content-Security-Policy"].startswith("default-src 'self'; ")
        assert "no-store" in answer.headers["Cache-Control"]
        page = answer.content.decode()
        assert re.findall(r"<style|style=|<script(?! src| type=\"module\" src)|\son\w+=|https?://", page) == [], path


def test_a_form_that_is_too_old_says_what_to_do(house: House) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(house.people["bd"])
    page = client.post(f"/applications/{house.own.pk}/move/").content.decode()
    assert page.startswith("<!doctype html>")
    assert "Load the page again, then send it once more." in page
    part = client.post(f"/applications/{house.own.pk}/move/", headers=HTMX).content.decode()
    assert part.lstrip().startswith("<section")


def test_an_error_of_ours_has_a_page_that_needs_nothing() -> None:
    assert "That was our fault, and it is written down." in render_to_string("500.html")


def test_the_administration_leads_back_to_the_pages(browser: Browser) -> None:
    page = browser("admin").get("/admin/").content.decode()
    assert re.findall(r'<a href="(/\w*/?)">(Pipeline|Repayments|Background jobs)</a>', page) == [
        ("/", "Pipeline"),
        ("/repayments/", "Repayments"),
        ("/jobs/", "Background jobs"),
    ]
