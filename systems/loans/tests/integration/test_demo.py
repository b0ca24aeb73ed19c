"""`manage.py demo` on a fresh directory: it says where it is, lets people in, and ends cleanly."""

from __future__ import annotations

import http.cookiejar
import re
import signal
import socket
import urllib.parse
import urllib.request
from pathlib import Path

import pytest

from tests.integration import calls
from tests.integration.processes import PYTHON, Process, environment, run, running

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(600)]

OF_OTHERS = """
import django; django.setup()
from django.core.management import call_command
call_command("migrate", verbosity=0, interactive=False)
call_command("createsuperuser", verbosity=0, interactive=False, email="boss@example.com")
"""
ROLES = ["Administrator", "Business development", "Broker", "Client", "Accounts"]


def demo(*options: str) -> list[str]:
    return [str(PYTHON), "manage.py", "demo", *options]


def logins(process: Process) -> dict[str, tuple[str, str]]:
    """Address and password of each role, as printed."""
    found = (re.fullmatch(r"  (\w[\w ]*?) {2,}(\S+@\S+) +(\S+)", line) for line in process.lines)
    return {line[1]: (line[2], line[3]) for line in found if line}


def log_in(address: str, email: str, password: str) -> tuple[str, str]:
    """Log in as a browser does; the address and the text of the page that comes then."""
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))
    with browser.open(f"{address}/login/", timeout=30) as page:
        token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.read().decode())
    assert token, "the login page has no form"
    form = {"username": email, "password": password, "csrfmiddlewaretoken": token[1], "next": ""}
    with browser.open(f"{address}/login/", urllib.parse.urlencode(form).encode(), timeout=30) as page:
        return page.url, page.read().decode()


def rings_the_bell(address: str, people: dict[str, tuple[str, str]]) -> None:
    """A change over the API, told by the worker's thread to a socket of the web's."""
    manager, broker = (calls.log_in(address, *people[role]) for role in ("Business development", "Broker"))
    inquiries = calls.call(address, "applications/?stage=inquiry", manager)["results"]
    mine = next(row for row in inquiries if row["purpose"] == "Refinance of a terrace in Newtown")
    with calls.bell(address, broker) as bell:
        unread = calls.heard(bell)
        calls.call(address, f"applications/{mine['id']}/update_stage/", manager, {"stage": "pre_approval"})
        assert calls.heard(bell)["notification"]["related_object_id"] == mine["id"]
        assert calls.heard(bell) == {"type": "unread_count", "count": unread["count"] + 1}


def test_the_demo_starts_lets_people_in_and_keeps_its_data(tmp_path: Path) -> None:
    known = environment(tmp_path / "data")
    with running("demo", demo("--port", "0", "--no-input"), known) as first:
        address = first.wait_for(r"Loans runs at (http://localhost:\d+)/").group(1)
        printed = logins(first)
        assert list(printed) == ROLES
        for role in ROLES[:3]:
            url, page = log_in(address, *printed[role])
            assert url == f"{address}/", f"{role} is not let in"
        assert "Farm house with twelve acres" not in page, "a broker sees what belongs to another"
        rings_the_bell(address.removeprefix("http://"), printed)
        mails = "".join(path.read_text("utf-8") for path in (tmp_path / "data" / "mail").iterdir())
        assert "Stale Application Alert: APP-" in mails
        assert "Note Reminder: Ask for the second payslip" in mails
        assert first.end(signal.SIGINT) == 0
        assert first.lines[-1] == "Stopped. The data stays for the next run; --fresh begins anew."
        assert [line for line in first.lines if "ERROR" in line or "Traceback" in line] == []

    with running("demo, again", demo("--port", "0", "--no-input"), known) as second:
        address = second.wait_for(r"Loans runs at (http://localhost:\d+)/").group(1)
        assert "Keeping the data of the last run; the passwords are new." in second.lines
        again = logins(second)
        assert [email for email, _ in again.values()] == [email for email, _ in printed.values()]
        assert {password for _, password in again.values()}.isdisjoint(password for _, password in printed.values())
        assert log_in(address, *printed["Broker"])[0] == f"{address}/login/"
        assert log_in(address, *again["Broker"])[0] == f"{address}/"
        assert second.end(signal.SIGTERM) == 0


def test_a_port_that_is_taken_is_named_with_the_next_step(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with running("demo", demo("--port", str(port)), environment(tmp_path)) as process:
            process.wait_for(
                f"127.0.0.1:{port} is not free: .* Name another port, such as --port 0 for any that is free."
            )
            assert process.ended() == 1
    assert not (tmp_path / "loans.sqlite3").exists()


def test_a_database_of_others_is_refused_until_somebody_agrees_to_remove_it(tmp_path: Path) -> None:
    known = environment(tmp_path, DJANGO_SETTINGS_MODULE="crm_backend.settings")
    run(known, "-c", OF_OTHERS)
    with running("demo", demo("--port", "0"), known) as process:
        process.wait_for("This database has 1 users, and none of them is the demo's")
        assert process.ended() == 1

    with running("demo, asking", demo("--port", "0", "--fresh"), known) as process:
        process.wait_for(r"\[y/N\].*Nothing was removed\. Leave --fresh out")
        assert process.ended() == 1

    with running("demo, anew", demo("--port", "0", "--fresh", "--no-input"), known) as process:
        process.wait_for("Filling the database")
        process.wait_for("Loans runs at http://localhost:")
        assert list(logins(process)) == ROLES
        assert process.end(signal.SIGINT) == 0
