"""Every page, in light and dark, on a phone and on a desk: nothing sticks out, and everybody can read it.

`LOANS_SHOTS=folder` keeps a picture of each, to be looked at.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.e2e.conftest import LogIn, Site

pytestmark = [
    pytest.mark.integration,
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.xdist_group("e2e"),
]

CHECK = (Path(__file__).parent / "accessibility.js").read_text("utf-8")
SIZES = {"phone": {"width": 360, "height": 740}, "desktop": {"width": 1440, "height": 900}}
PAGES = {
    "pipeline": "/",
    "funded": "/?stage=funded",
    "nothing": "/?q=nobody+has+this+name",
    "repayments": "/repayments/?show=unpaid",
    "jobs": "/jobs/",
    "notifications": "/notifications/",
}


def look(page: Page, name: str) -> None:
    """Complain of what a machine can see; keep a picture if somebody wants to look."""
    if folder := os.environ.get("LOANS_SHOTS"):
        Path(folder).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=page.locator("dialog[open]").count() == 0)
    assert page.evaluate(CHECK) == [], name
    width, room = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    assert width <= room, f"{name} sticks out to the right"


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_fits_and_can_be_read(site: Site, chromium: Browser, log_in: LogIn, scheme: str, size: str) -> None:
    options = {"color_scheme": scheme, "viewport": SIZES[size], "reduced_motion": "reduce"}
    person = log_in("Administrator", **options)
    name = f"{scheme}-{size}"
    page = person.tab()
    for what, path in PAGES.items():
        page.goto(path)
        look(page, f"{what}-{name}")
    page.goto("/?stage=funded")
    page.locator(".tile-link").first.click()
    page.wait_for_selector("#application")
    look(page, f"application-{name}")
    page.locator("#bell > summary").click()
    page.wait_for_selector("#bell .news")
    look(page, f"bell-{name}")
    for what, path, button in (("move", "/", "Move"), ("pay", "/repayments/?show=unpaid", "Mark paid")):
        page.goto(path)
        page.locator("main").get_by_role("link", name=button).first.click()
        page.wait_for_selector("dialog[open]")
        look(page, f"{what}-{name}")

    stranger = chromium.new_context(base_url=site.address, **options)
    page = stranger.new_page()
    page.goto("/login/")
    look(page, f"login-{name}")
    page.get_by_label("E-mail address").fill("nobody@example.com")
    page.get_by_label("Password").fill("wrong")
    page.keyboard.press("Enter")
    page.wait_for_selector(".errors")
    look(page, f"refused-{name}")
    stranger.close()


def test_the_two_schemes_differ(log_in: LogIn) -> None:
    page, grounds = log_in("Administrator").tab(), []
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        grounds.append(page.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert grounds == ["rgb(244, 246, 247)", "rgb(15, 21, 25)"]


def test_who_wants_no_motion_gets_none(log_in: LogIn) -> None:
    page = log_in("Administrator").tab()
    for wish, duration in (("reduce", "0s"), ("no-preference", "0.15s")):
        page.emulate_media(reduced_motion=wish)
        shown = page.locator(".tile").first.evaluate("tile => getComputedStyle(tile).transitionDuration.split(',')[0]")
        assert shown == duration


BAD = """<html><head><title> </title></head><body style="background: white; color: black">
<h1>One</h1><h3>Three</h3><main></main><nav><a href="/x" style="display: block; height: 30px">x</a></nav>
<a href="/"></a><input type="text" id="a" style="height: 30px"><p id="a" style="color: #999">Pale</p><img src="data:,">
<button style="width: 10px; height: 10px; padding: 0; font-size: 4px">o</button><ul><p>No item</p></ul>
<table><tr><th>Head</th></tr></table><p style="color: rgb(0 0 0 / 30%)">See-through</p></body></html>"""


def test_the_check_finds_what_is_wrong(chromium: Browser) -> None:
    page = chromium.new_page()
    page.set_content(BAD)
    rules = [complaint.partition(":")[0] for complaint in page.evaluate(CHECK)]
    page.close()
    assert sorted(rules) == [
        "child of a list is no item", "contrast", "contrast", "has no name", "has no name",
        "header cell without a scope", "heading skips a level", "id is used twice", "image without a text",
        "landmark without a name", "no language", "no title", "smaller than 24 pixels",
    ]  # fmt: skip
