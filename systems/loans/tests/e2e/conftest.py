"""The whole system as the demo runs it, and Chromium with somebody in front of it."""

from __future__ import annotations

import os
import re
import shutil
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, StorageState, expect, sync_playwright

from tests.integration.processes import PYTHON, environment, running

OPTIONS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
#: Milliseconds. The machine may be busy; nothing here waits longer than it must.
PATIENCE = 20_000

expect.set_options(timeout=PATIENCE)


@dataclass(frozen=True)
class Site:
    """Where the demo is, and who may log in: address and password by role."""

    address: str
    logins: dict[str, tuple[str, str]]


@dataclass
class Person:
    """Somebody who is logged in, with a browser of their own. What their consoles complain of, fails the test."""

    context: BrowserContext
    complaints: list[str]

    def tab(self, path: str = "/") -> Page:
        """A new tab on a page."""
        page = self.context.new_page()
        page.on("console", lambda said: said.type in {"error", "warning"} and self.complaints.append(said.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.goto(path)
        return page


LogIn = Callable[..., Person]


@pytest.fixture(scope="package")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The demo, in a process of its own, on fresh data."""
    command = [str(PYTHON), "manage.py", "demo", "--port", "0", "--no-input"]
    with running("demo", command, environment(tmp_path_factory.mktemp("demo"))) as process:
        address = process.wait_for(r"Loans runs at (http://localhost:\d+)/", 120).group(1)
        found = (re.fullmatch(r"  (\w[\w ]*?) {2,}(\S+@\S+) +(\S+)", line) for line in process.lines)
        yield Site(address, {line[1]: (line[2], line[3]) for line in found if line})
        assert process.end(signal.SIGINT) == 0


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    """A real Chromium. Not for the whole session: while it is open, this thread has a running event loop."""
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        reason = "Chromium is not installed, so nobody can look at the pages; install the package chromium"
        if os.environ.get("CI") == "true":
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=OPTIONS)
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def cookies(site: Site) -> dict[str, StorageState]:
    """What the browsers of those who logged in before have kept, by role."""
    return {}


@pytest.fixture
def log_in(site: Site, chromium: Browser, cookies: dict[str, StorageState]) -> Iterator[LogIn]:
    """Let somebody of a role in: `log_in("Administrator", color_scheme="dark")`.

    The first of a role logs in, and the next ones come with the same session; who is going to log out says `anew`.
    """
    people: list[Person] = []

    def as_one(role: str, *, anew: bool = False, **options: Any) -> Person:
        kept = None if anew else cookies.get(role)
        context = chromium.new_context(base_url=site.address, storage_state=kept, **options)
        context.set_default_timeout(PATIENCE)
        person = Person(context, [])
        people.append(person)
        if kept:
            return person
        page = person.tab("/login/")
        email, password = site.logins[role]
        page.get_by_label("E-mail address").fill(email)
        page.get_by_label("Password").fill(password)
        page.get_by_role("button", name="Log in").click()
        page.wait_for_url(lambda url: "/login/" not in url)
        page.close()
        if not anew:
            cookies[role] = context.storage_state()
        return person

    yield as_one
    for person in people:
        person.context.close()
    assert [complaint for person in people for complaint in person.complaints] == []
