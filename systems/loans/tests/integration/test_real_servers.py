"""The processes of the Procfile on PostgreSQL, RabbitMQ or Redis, and SMTP, with environment variables alone."""

from __future__ import annotations

import json
import shutil
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from websockets.sync.client import ClientConnection

from tests.integration import calls
from tests.integration.conftest import Mails, database
from tests.integration.processes import Process, environment, procfile, run, running

pytestmark = [
    pytest.mark.integration,
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.xdist_group("real servers"),
]

READY = {"web": r"Uvicorn running on http://[\d.]+:(\d+)", "beat": "beat: Starting"}
#: A small office; its beat remembers that it last sent everything yesterday, as when it was down for the night.
SEED = """
import django, json; django.setup()
from datetime import timedelta
from celery.beat import PersistentScheduler
from django.core.management import call_command
from crm_backend.celery import app
from demo.seed import seed; from demo.people import new_passwords
from applications.models import Application
call_command("migrate", verbosity=0, interactive=False)
seed()
scheduler = PersistentScheduler(app=app, schedule_filename=app.conf.beat_schedule_filename)
for entry in scheduler.schedule.values():
    entry.last_run_at -= timedelta(days=1)
scheduler.close()
mine = Application.objects.get(purpose="Refinance of a terrace in Newtown")
print(json.dumps({"application": mine.pk, "reference": mine.reference_number,
    "people": {login.email: login.password for login in new_passwords()}}))
"""
BD, BROKER = "ben@loans.example", "bea@brokers.example"


@dataclass(frozen=True)
class Office:
    """What the processes find: the name of a database, files, and what is in both."""

    database: str
    files: Path
    seeded: dict[str, Any]


@pytest.fixture(scope="module")
def office(own_name: str, postgres: psycopg.Connection, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """Made once; each test has a copy."""
    name, files = f"{own_name}_office", tmp_path_factory.mktemp("office")
    with database(postgres, name) as url:
        told = run(environment(files, DATABASE_URL=url, DJANGO_SETTINGS_MODULE="crm_backend.settings"), "-c", SEED)
        yield Office(name, files, json.loads(told))


@pytest.fixture
def known(
    tmp_path: Path,
    own_name: str,
    postgres: psycopg.Connection,
    office: Office,
    broker_url: str,
    redis_url: str,
    mails: tuple[str, Mails],
) -> Iterator[dict[str, str]]:
    """The environment that the processes share."""
    data = shutil.copytree(office.files, tmp_path / "data")
    with database(postgres, own_name, like=office.database) as url:
        yield environment(
            data,
            PORT="0",
            SECRET_KEY="the same for all processes, and long enough to be one",
            DATABASE_URL=url,
            CELERY_BROKER_URL=broker_url,
            CHANNEL_REDIS_URL=redis_url,
            EMAIL_URL=mails[0],
            DJANGO_SETTINGS_MODULE="crm_backend.settings",
        )


@pytest.fixture
def system(known: dict[str, str]) -> Iterator[dict[str, Process]]:
    """All processes of the Procfile."""
    commands = {name: command for name, command in procfile().items() if name != "release"}
    with ExitStack() as stack:
        yield {name: stack.enter_context(running(name, command, known)) for name, command in commands.items()}


def told_until(bell: ClientConnection, unread: int, kind: str) -> dict[str, Any]:
    """The notification of this kind, once the count is right, too; what beat makes up for may tell of more."""
    news: list[dict[str, Any]] = []
    while True:
        frame = calls.heard(bell)
        if frame["type"] == "notification":
            news.append(frame["notification"])
        wanted = [one for one in news if one["notification_type"] == kind]
        if wanted and frame.get("count") == unread + len(news):
            return wanted[0]


def test_a_stage_change_over_the_api_reaches_mailbox_and_bell_and_beat_starts_what_was_missed(
    system: dict[str, Process], office: Office, mails: tuple[str, Mails]
) -> None:
    ready = {name: process.wait_for(READY.get(name, r"@\S+ ready\.")) for name, process in system.items()}
    address = f"127.0.0.1:{ready['web'].group(1)}"
    manager, broker = (calls.log_in(address, email, office.seeded["people"][email]) for email in (BD, BROKER))
    with calls.bell(address, broker) as bell:
        unread = calls.heard(bell)
        calls.call(
            address, f"applications/{office.seeded['application']}/update_stage/", manager, {"stage": "pre_approval"}
        )
        news = told_until(bell, unread["count"], "application_status")

    assert office.seeded["reference"] in news["title"] + news["message"]
    box = mails[1]
    box.wait_for(BROKER, office.seeded["reference"])
    box.wait_for(BD, "Stale Application Alert: APP-")
    assert len(box.find(BROKER, office.seeded["reference"])) == 1

    ended = {name: process.end(signal.SIGTERM) for name, process in system.items()}
    assert ended == {name: -signal.SIGTERM if name == "web" else 0 for name in system}  # uvicorn ends by the signal
    assert [complaint for process in system.values() for complaint in process.complaints()] == []
