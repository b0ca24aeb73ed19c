"""A day in the office, in real Chromium: several tabs, double clicks, the keyboard alone, and no JavaScript at all."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, WebSocketRoute, expect

from tests.e2e.conftest import LogIn

pytestmark = [
    pytest.mark.integration,
    pytest.mark.slow,
    pytest.mark.timeout(240),
    pytest.mark.xdist_group("e2e"),
]

ADMIN, MANAGER, BROKER, CLIENT = "Administrator", "Business development", "Broker", "Client"


def column(page: Page, stage: str) -> Locator:
    return page.locator(f"[aria-labelledby=stage-{stage}]")


def first_card(page: Page, stage: str) -> str:
    return column(page, stage).locator(".tile-link").first.inner_text()


def card(where: Locator, reference: str) -> Locator:
    return where.locator(".tile", has_text=reference)


def online(page: Page) -> None:
    expect(page.locator("#bell[data-state=online]")).to_be_attached()


def unread(page: Page) -> int:
    return int(page.locator("[data-count]").text_content() or 0)


def count_above(page: Page, before: int) -> None:
    page.wait_for_function("before => Number(document.querySelector('[data-count]').textContent) > before", arg=before)


def payments_of(page: Page, repayment: str) -> int:
    """How often the ledger says that this instalment was received."""
    answer = page.request.get("/api/documents/ledger/?page_size=200")
    rows = answer.json()["results"]
    return sum(
        row["transaction_type"] == "repayment_received" and str(row["related_repayment"]) == repayment for row in rows
    )


def test_a_move_is_seen_in_another_tab_and_rings_its_bell(log_in: LogIn) -> None:
    person = log_in(ADMIN)
    here, there = person.tab(), person.tab()
    online(there)
    there.evaluate("window.wasNeverReloaded = true")
    before = unread(there)
    reference = first_card(here, "inquiry")

    card(column(here, "inquiry"), reference).get_by_role("link", name="Move").click()
    dialog = here.get_by_role("dialog", name=f"Move {reference}")
    expect(dialog.get_by_label("Pre-approval")).to_be_checked()
    dialog.get_by_role("button", name="Move it").click()

    expect(here.get_by_text(f"{reference} is now in Pre-approval.")).to_be_visible()
    expect(dialog).to_be_hidden()
    expect(card(column(here, "pre_approval"), reference)).to_be_visible()
    expect(card(column(here, "inquiry"), reference)).to_have_count(0)
    expect(card(column(there, "pre_approval"), reference)).to_be_visible()
    count_above(there, before)
    expect(there.locator("#bell-says")).to_have_text(re.compile(r"\d+ unread notifications?"))
    assert there.evaluate("window.wasNeverReloaded")

    there.locator("#bell > summary").click()
    expect(there.locator(".news").get_by_text(reference).first).to_be_visible()
    there.get_by_role("button", name="Mark all as read").click()
    for tab in (here, there):
        expect(tab.locator(".bell-count")).to_be_hidden()


def test_who_decides_about_an_old_picture_is_told_so_in_place(log_in: LogIn) -> None:
    person = log_in(ADMIN)
    here, there = person.tab("/?stage=valuation"), person.tab("/?stage=valuation")
    reference = first_card(here, "valuation")
    for tab in (here, there):
        card(column(tab, "valuation"), reference).get_by_role("link", name="Move").click()
    here.get_by_role("button", name="Move it").click()
    expect(card(column(here, "valuation"), reference)).to_have_count(0)

    dialog = there.get_by_role("dialog")
    dialog.get_by_role("button", name="Move it").click()
    expect(dialog.get_by_role("alert").first).to_contain_text("it is in Formal approval now. Please look again.")
    assert person.complaints == ["Failed to load resource: the server responded with a status of 400 (Bad Request)"]
    person.complaints.clear()
    dialog.get_by_label("Settlement").check()
    dialog.get_by_role("button", name="Move it").click()
    expect(there.get_by_text(f"{reference} is now in Settlement.")).to_be_visible()


@pytest.mark.parametrize("javascript", [True, False])
def test_a_double_click_pays_once(log_in: LogIn, javascript: bool) -> None:
    page = log_in(MANAGER, java_script_enabled=javascript).tab("/repayments/?show=unpaid")
    button = page.get_by_role("link", name="Mark paid").first
    repayment = (button.get_attribute("id") or "").removeprefix("pay-")
    button.click()
    page.get_by_role("button", name="Mark as paid").dblclick()
    expect(page.get_by_text("is recorded as paid.").first).to_be_visible()
    expect(page.locator(f"#pay-{repayment}")).to_have_count(0)
    assert payments_of(page, repayment) == 1


def test_a_payment_that_is_sent_twice_at_the_same_time_is_one(log_in: LogIn) -> None:
    page = log_in(MANAGER).tab("/repayments/?show=unpaid")
    button = page.get_by_role("link", name="Mark paid").last
    repayment = (button.get_attribute("id") or "").removeprefix("pay-")
    button.click()
    page.wait_for_selector("dialog[open] form")
    statuses = page.evaluate(
        """async () => {
            const form = document.querySelector("dialog form");
            const send = () => fetch(form.action, { method: "POST", body: new FormData(form) });
            return (await Promise.all([send(), send(), send()])).map((answer) => answer.status);
        }"""
    )
    assert statuses == [200, 200, 200]
    assert payments_of(page, repayment) == 1


def test_the_keyboard_is_enough(log_in: LogIn) -> None:
    page = log_in(MANAGER).tab()
    online(page)
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()

    page.locator("#bell > summary").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Mark all as read")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#bell-list")).to_be_hidden()
    expect(page.locator("#bell > summary")).to_be_focused()

    reference = first_card(page, "inquiry")
    button = card(page.locator("#board"), reference).get_by_role("link", name="Move")
    button.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("radio", name="Pre-approval")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(button).to_be_focused()

    page.keyboard.press("Enter")
    expect(page.get_by_role("radio", name="Pre-approval")).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("radio", name="Declined")).to_be_checked()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    expect(card(column(page, "pre_approval"), reference)).to_be_visible()


def test_every_focus_is_seen(log_in: LogIn) -> None:
    page = log_in(MANAGER).tab("/repayments/?show=unpaid")
    for _ in range(12):
        page.keyboard.press("Tab")
        outline = page.evaluate(
            """() => {
                const focused = document.activeElement;
                const marked = focused.type === "radio" ? focused.nextElementSibling : focused;
                const style = getComputedStyle(marked);
                return [style.outlineStyle, parseFloat(style.outlineWidth) >= 2, focused.outerHTML.slice(0, 80)];
            }"""
        )
        assert outline[:2] == ["solid", True], outline


def test_without_javascript_everything_still_works(log_in: LogIn) -> None:
    page = log_in(MANAGER, anew=True, java_script_enabled=False).tab()
    page.get_by_label("Stage").select_option("settlement")
    page.get_by_role("button", name="Search").click()
    reference = first_card(page, "settlement")
    card(page.locator("#board"), reference).get_by_role("link", name="Move").click()
    page.get_by_label("Withdrawn").check()
    page.get_by_role("button", name="Move it").click()
    expect(page.get_by_text(f"{reference} is now in Withdrawn.")).to_be_visible()
    assert "stage=settlement" in page.url

    page.goto("/?stage=withdrawn")
    page.get_by_role("link", name=reference).click()
    page.get_by_label("Make a document").select_option("Application form")
    page.get_by_role("button", name="Request").click()
    while page.get_by_role("link", name="Download").count() == 0:
        page.get_by_role("link", name="Look again").click()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").click()
    assert download.value.suggested_filename == f"{reference}-application_form.pdf"

    page.goto("/notifications/")
    page.get_by_role("button", name="Mark all as read").click()
    expect(page.get_by_role("button", name="Mark as read:")).to_have_count(0)
    page.locator("summary", has_text="Your account").click()
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_role("heading", name="Log in")).to_be_visible()


def test_a_document_is_followed_to_its_download(log_in: LogIn) -> None:
    page = log_in(BROKER).tab("/?stage=funded")
    page.locator(".tile-link").first.click()
    papers = page.locator("[aria-labelledby=documents]")
    before = papers.locator(".papers").get_by_role("link", name="Download").count()
    papers.get_by_label("Make a document").select_option("Formal approval")
    papers.get_by_role("button", name="Request").click()
    expect(page.get_by_text("Formal approval was asked for.")).to_be_visible()
    expect(papers.locator(".papers").get_by_role("link", name="Download")).to_have_count(before + 1)
    expect(papers.locator(".job")).to_have_count(0)
    with page.expect_download() as download:
        papers.get_by_role("link", name="Download Formal approval").first.click()
    assert download.value.path().read_bytes().startswith(b"%PDF-")


def test_the_search_narrows_down_while_one_types(log_in: LogIn) -> None:
    page = log_in(ADMIN).tab()
    everything = page.locator(".tile").count()
    page.evaluate("window.wasNeverReloaded = true")
    page.get_by_label("Search").press_sequentially("gail")
    expect(page.get_by_role("status").filter(has_text="found for “gail”")).to_be_visible()
    expect(page.locator(".tile")).to_have_count(1)
    assert page.evaluate("window.wasNeverReloaded")
    assert "q=gail" in page.url
    expect(page.get_by_label("Search")).to_be_focused()
    page.go_back()
    expect(page.locator(".tile")).to_have_count(everything)


def test_the_jobs_renew_themselves_until_they_are_told_not_to(log_in: LogIn) -> None:
    page = log_in(ADMIN).tab("/jobs/")
    page.evaluate("document.querySelector('#jobs').dataset.old = 'yes'")
    expect(page.locator("#jobs[data-old]")).to_have_count(0)
    page.get_by_label("Renew by itself").select_option("Not now")
    expect(page.locator("#jobs[hx-trigger=none]")).to_be_attached()
    page.get_by_text("Failed", exact=True).first.click()
    expect(page).to_have_url(re.compile(r"show=failed"))


def test_the_bell_comes_back_after_the_server_closed_it(log_in: LogIn) -> None:
    page = log_in(ADMIN).context.new_page()
    sockets: list[WebSocketRoute] = []

    def pass_on(socket: WebSocketRoute) -> None:
        socket.connect_to_server()
        sockets.append(socket)

    page.route_web_socket("**/ws/notifications/", pass_on)
    page.goto("/")
    online(page)
    sockets[0].close(code=4401, reason="expired")
    expect(page.locator("#bell[data-state=offline]")).to_be_attached()
    online(page)
    assert len(sockets) == 2


def test_the_bell_gets_a_new_token_before_the_old_one_ends(log_in: LogIn) -> None:
    page = log_in(ADMIN).context.new_page()
    addresses: list[str] = []
    page.on("websocket", lambda socket: addresses.append(socket.url))
    page.clock.install()
    page.goto("/")
    online(page)
    page.evaluate(
        """() => {
            window.wasOffline = false;
            const watch = new MutationObserver(() => { window.wasOffline ||= bell.dataset.state !== "online" });
            watch.observe(bell, { attributes: true });
        }"""
    )
    page.clock.fast_forward("03:30")
    assert len(addresses) == 1
    with page.expect_websocket() as following:  # the token lives for five minutes
        page.clock.fast_forward("00:45")
    following.value.wait_for_event("framereceived")
    assert page.evaluate("window.wasOffline") is False
    assert {address.partition("?")[2] for address in addresses} == {""}, "a token in an address ends up in logs"


def test_a_client_finds_a_friendly_word(log_in: LogIn) -> None:
    person = log_in(CLIENT, anew=True)
    page = person.tab()
    expect(page.get_by_role("heading", name="Hello, Cleo")).to_be_visible()
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_role("heading", name="Log in")).to_be_visible()
    assert {complaint.partition(":")[0] for complaint in person.complaints} == {"Failed to load resource"}  # the 403
    person.complaints.clear()
