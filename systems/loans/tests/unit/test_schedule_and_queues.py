"""The schedule, the tasks, their routes, and the workers that read the queues all know each other."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml
from celery.schedules import crontab
from django.apps import apps
from django.conf import settings

from crm_backend.beat import SCHEDULE
from crm_backend.celery import app
from crm_backend.queues import QUEUES, ROUTES

pytestmark = pytest.mark.unit

SYSTEM = Path(__file__).parents[2]
#: Old results are cleaned up by a task of Celery's own, which beat adds to every schedule.
OF_CELERY = "celery.backend_cleanup"
OWN_APPS = {config.name for config in apps.get_app_configs() if Path(config.path).parent == SYSTEM}


@pytest.fixture(scope="module")
def own_tasks() -> set[str]:
    """The names of all tasks that a worker of this system would register by itself."""
    app.loader.import_default_modules()
    return {name for name, task in app.tasks.items() if task.__module__.partition(".")[0] in OWN_APPS}


def queues_read_by(commands: dict[str, str]) -> dict[str, list[str]]:
    """The queues of each process that is a worker."""
    words = {name: shlex.split(command) for name, command in commands.items()}
    return {name: line[line.index("-Q") + 1].split(",") for name, line in words.items() if "worker" in line}


def procfile() -> dict[str, str]:
    lines = (SYSTEM / "Procfile").read_text("utf-8").splitlines()
    return dict(re.fullmatch(r"(\w+): (.+)", line).groups() for line in lines)  # type: ignore[union-attr]


def compose() -> dict[str, Any]:
    return yaml.safe_load((SYSTEM / "compose.yaml").read_text("utf-8"))["services"]


def test_each_entry_of_the_schedule_is_a_crontab_of_a_task_that_exists(own_tasks: set[str]) -> None:
    assert {name for name, entry in SCHEDULE.items() if type(entry["schedule"]) is not crontab} == set()
    assert {entry["task"] for entry in SCHEDULE.values()} - own_tasks == set()


def test_each_entry_of_the_schedule_can_be_sent_as_it_is() -> None:
    app.loader.import_default_modules()
    for entry in SCHEDULE.values():
        app.tasks[entry["task"]].__header__(*entry.get("args", ()), **entry.get("kwargs", {}))
        assert set(entry) <= {"task", "schedule", "args", "kwargs"}


def test_beat_has_this_schedule_and_no_other() -> None:
    assert app.conf.beat_schedule == SCHEDULE


def test_each_task_is_routed_and_each_route_is_a_task_s(own_tasks: set[str]) -> None:
    assert own_tasks | {OF_CELERY} == set(ROUTES)


def test_each_task_goes_where_its_route_says_and_none_elsewhere(own_tasks: set[str]) -> None:
    reached = {name: app.amqp.router.route({}, name)["queue"].name for name in [*own_tasks, OF_CELERY]}
    assert reached == {name: route["queue"] for name, route in ROUTES.items()}


def test_each_name_is_the_place_of_the_task_or_the_package_that_gathers_it(own_tasks: set[str]) -> None:
    strangers = [name for name in own_tasks if not app.tasks[name].__module__.startswith(name.rpartition(".")[0])]
    assert strangers == []


def test_each_queue_is_read_by_one_worker_of_the_procfile() -> None:
    read = [queue for queues in queues_read_by(procfile()).values() for queue in queues]
    assert sorted(read) == sorted(queue.name for queue in QUEUES)


def test_compose_runs_the_processes_of_the_procfile() -> None:
    described = procfile()
    running = {name: service.get("command", "") for name, service in compose().items()}
    assert {name for name in described if name != "release"} <= set(running)
    assert queues_read_by(running) == queues_read_by(described)
    assert running["beat"] == described["beat"]
    assert running["migrate"] == described["release"]


def test_one_beat_runs() -> None:
    assert [name for name, command in procfile().items() if " beat" in command] == ["beat"]


def test_hours_are_those_of_the_business_and_moments_are_stored_in_utc() -> None:
    assert str(app.timezone) == settings.BUSINESS_TZ == settings.TIME_ZONE == "Australia/Sydney"
    assert settings.USE_TZ is True
    assert app.conf.enable_utc is True


def test_the_app_is_known_by_the_names_that_people_use() -> None:
    assert app.main == "crm_backend"
    assert app.conf.namespace == "CELERY"


def test_a_task_for_an_unknown_queue_is_refused_and_makes_no_queue() -> None:
    with pytest.raises(Exception, match="nowhere"):
        app.amqp.router.route({"queue": "nowhere"}, "applications.tasks.check_stale_applications")
