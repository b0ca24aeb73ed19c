"""The board: who sees what, in which order, and how it is narrowed down."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from pytest_django import DjangoAssertNumQueries

from applications.models import Application
from core.clock import now
from tests.component.web.conftest import HTMX, Browser
from tests.factories import ApplicationFactory, BorrowerFactory, long_in_stage
from tests.house import House
from web import selectors

pytestmark = [pytest.mark.component, pytest.mark.django_db]


def references(answer: Any) -> list[str]:
    return re.findall(r'class="tile-link"[^>]*>([^<]+)<', answer.content.decode())


@pytest.mark.parametrize("role", ["bd", "broker"])
def test_people_see_their_own_applications(browser: Browser, house: House, role: str) -> None:
    assert references(browser(role).get("/")) == [house.own.reference_number]


def test_administrators_see_all_and_accounts_none(browser: Browser, house: House) -> None:
    assert references(browser("admin").get("/")) == [house.own.reference_number, house.other.reference_number]
    answer = browser("accounts").get("/")
    assert references(answer) == []
    assert "0 applications" in answer.content.decode()


def test_applications_stand_in_their_stage_those_that_wait_longest_first(house: House) -> None:
    Application.objects.all().delete()
    young, old = long_in_stage(1, stage="valuation"), long_in_stage(3, stage="valuation")
    never_moved = ApplicationFactory(stage="inquiry", loan_amount=None)
    Application.objects.filter(pk=never_moved.pk).update(created_at=now() - timedelta(days=40))
    board = selectors.board(house.people["admin"])
    assert [(column.stage.label, column.count, column.total) for column in board.columns] == [
        ("Inquiry", 1, Decimal(0)),
        ("Pre-approval", 0, Decimal(0)),
        ("Valuation", 2, Decimal(1_000_000)),
        ("Formal approval", 0, Decimal(0)),
        ("Settlement", 0, Decimal(0)),
    ]
    assert [card.application for card in board.columns[2].cards] == [old, young]
    assert [(card.days, card.is_stale) for card in board.columns[0].cards] == [(40, True)]
    assert [(card.days, card.is_stale) for card in board.columns[2].cards] == [(3, False), (1, False)]


def test_a_card_is_stale_from_the_fourteenth_day(house: House) -> None:
    Application.objects.all().delete()
    long_in_stage(14, stage="valuation")
    ApplicationFactory(stage="valuation", stage_last_updated=now() - timedelta(days=14) + timedelta(minutes=5))
    board = selectors.board(house.people["admin"], stage="valuation")
    assert [card.is_stale for card in board.columns[0].cards] == [True, False]


def test_what_is_closed_is_a_filter_away_the_latest_first(browser: Browser, house: House) -> None:
    old, new = long_in_stage(90, stage="funded"), long_in_stage(2, stage="funded")
    page = browser("admin").get("/").content.decode()
    assert re.search(r'stage=funded[^>]*>Funded <span class="pill">2<', page)
    answer = browser("admin").get("/?stage=funded")
    assert references(answer) == [new.reference_number, old.reference_number]
    assert "Stale" not in answer.content.decode()
    assert "/move/" not in answer.content.decode()


@pytest.mark.parametrize("words", ["Zoe", "zoe cam", "CAMPBELL", "Harbour &", "Rosa K"])
def test_the_search_finds_borrowers_and_brokers(browser: Browser, house: House, words: str) -> None:
    borrowers = [
        BorrowerFactory(first_name="Zoe", last_name="Campbell"),
        BorrowerFactory(first_name="Zoe", last_name="Campbell", company_name="Harbour & Sons"),
    ]
    wanted = ApplicationFactory(borrowers=borrowers, broker__name="Rosa Kent")
    answer = browser("admin").get("/", {"q": words})
    assert references(answer) == [wanted.reference_number]
    assert "1 application found for" in answer.content.decode()


def test_the_search_finds_a_reference_within_what_one_may_see(browser: Browser, house: House) -> None:
    for application, found in ((house.own, [house.own.reference_number]), (house.other, [])):
        assert references(browser("bd").get("/", {"q": application.reference_number.lower()})) == found


@pytest.mark.parametrize(
    ("query", "complaint"),
    [
        ({"stage": "nowhere"}, "Stage: Select a valid choice. nowhere is not one of the available choices."),
        ({"q": "a\0b"}, "Search: Null characters are not allowed."),
        ({"q": "x" * 101}, "Search: Ensure this value has at most 100 characters (it has 101)."),
    ],
)
def test_a_filter_that_makes_no_sense_is_explained_and_left_out(
    browser: Browser, house: House, query: dict[str, str], complaint: str
) -> None:
    answer = browser("bd").get("/", query)
    assert answer.status_code == 200
    assert complaint in answer.content.decode()
    assert references(answer) == [house.own.reference_number]


def test_what_people_type_is_shown_as_text(browser: Browser, house: House) -> None:
    page = browser("bd").get("/", {"q": "<script>alert(1)</script>"}).content.decode()
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page


def test_htmx_gets_the_board_alone_and_a_browser_the_page(browser: Browser, house: House) -> None:
    part = browser("bd").get("/?stage=inquiry", headers=HTMX).content.decode()
    assert part.lstrip().startswith('<div id="board" hx-get="/?stage=inquiry"')
    page = browser("bd").get("/?stage=inquiry").content.decode()
    assert page.startswith("<!doctype html>")
    assert part.strip() in page
    restored = browser("bd").get("/", headers={**HTMX, "HX-History-Restore-Request": "true"}).content.decode()
    assert restored.startswith("<!doctype html>")


@pytest.mark.parametrize("path", ["/", "/repayments/"])
@pytest.mark.parametrize(
    ("shown", "asked", "replaced"),
    [
        ("", "?q=ga", False),
        ("?q=ga", "?q=gail", True),
        ("?q=gail", "?q=", False),
        ("?q=ga&stage=inquiry", "?q=gail&stage=inquiry", True),
        ("?q=ga&stage=inquiry", "?q=ga&stage=valuation", False),
    ],
)
def test_a_search_is_one_step_of_the_way_back_however_it_is_typed(
    browser: Browser, house: House, path: str, shown: str, asked: str, replaced: bool
) -> None:
    headers = {**HTMX, "HX-Current-URL": f"http://testserver{path}{shown}"}
    answer = browser("bd").get(path + asked, headers=headers)
    assert answer.headers.get("HX-Replace-Url") == (path + asked if replaced else None)


def test_a_long_column_shows_its_first_and_says_so(browser: Browser, house: House) -> None:
    ApplicationFactory.create_batch(selectors.CARDS, stage="valuation", broker=None, bd=None)
    long_in_stage(20, stage="valuation", reference_number="APP-OLDEST")
    answer = browser("admin").get("/?stage=valuation")
    assert len(references(answer)) == selectors.CARDS
    assert references(answer)[0] == "APP-OLDEST"
    assert "The first 50 are shown. The search finds the others." in answer.content.decode()


@pytest.mark.parametrize("others", [0, 30])
def test_the_number_of_queries_does_not_grow(
    browser: Browser, house: House, django_assert_num_queries: DjangoAssertNumQueries, others: int
) -> None:
    for _ in range(others):
        ApplicationFactory(bd=house.own.bd, borrowers=[BorrowerFactory(), BorrowerFactory()])
    client = browser("bd")
    # session, person, sums, cards, borrowers; the page also counts what is unread
    with django_assert_num_queries(5):
        client.get("/", headers=HTMX)
    with django_assert_num_queries(6):
        client.get("/")
