"""The environment alone decides where it runs; without it, everything is on files in one directory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.unit, pytest.mark.slow]

SYSTEM = Path(__file__).parents[3]
PRODUCTION = {
    "HTTPS": "true",
    "SECRET_KEY": "a key of fifty characters and more, of which no two are drawn alike",
    "DATABASE_URL": "postgres://loans:p%40ss@db.example:5433/loans",
    "CELERY_BROKER_URL": "amqp://loans:secret@mq.example/loans",
    "CHANNEL_REDIS_URL": "redis://redis.example/1",
    "EMAIL_URL": "smtp+tls://me:s%2Fecret@mail.example",
}
SHOW = """
import json
from django.conf import settings as s
print(json.dumps({"engine": s.DATABASES["default"]["ENGINE"], "database": str(s.DATABASES["default"]["NAME"]),
    "password": s.DATABASES["default"]["PASSWORD"], "broker": s.CELERY_BROKER_URL,
    "layer": s.CHANNEL_LAYERS["default"], "mail": s.EMAIL_BACKEND.split(".")[-2], "mail_path": s.EMAIL_FILE_PATH,
    "mail_server": [s.EMAIL_HOST, s.EMAIL_PORT, s.EMAIL_HOST_USER, s.EMAIL_HOST_PASSWORD],
    "secure": [s.EMAIL_USE_TLS, s.SESSION_COOKIE_SECURE, s.CSRF_COOKIE_SECURE, s.SECURE_SSL_REDIRECT]}, default=str))
"""


def python(data: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=SYSTEM,
        env={**kept, "DATA_DIR": str(data), "DJANGO_SETTINGS_MODULE": "crm_backend.settings", **environment},
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )


def settings(data: Path, **environment: str) -> dict[str, Any]:
    done = python(data, "-c", SHOW, **environment)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_without_an_environment_all_is_on_files_in_one_directory(tmp_path: Path) -> None:
    found = settings(tmp_path / "new")
    assert found["engine"] == "django.db.backends.sqlite3"
    assert found["database"] == str(tmp_path / "new" / "loans.sqlite3")
    assert found["broker"] == "memory://localhost/"
    assert found["layer"] == {"BACKEND": "core.in_process_layer.InProcessChannelLayer"}
    assert (found["mail"], found["mail_path"]) == ("filebased", str(tmp_path / "new" / "mail"))
    assert found["secure"] == [False, False, False, False]
    assert (tmp_path / "new").is_dir()


def test_addresses_in_the_environment_are_understood_with_their_passwords(tmp_path: Path) -> None:
    found = settings(tmp_path, **PRODUCTION)
    assert (found["engine"], found["password"]) == ("django.db.backends.postgresql", "p@ss")
    assert found["broker"] == "amqp://loans:secret@mq.example/loans"
    assert found["layer"]["BACKEND"] == "channels_redis.core.RedisChannelLayer"
    assert found["layer"]["CONFIG"]["hosts"] == ["redis://redis.example/1"]
    assert found["mail"] == "smtp"
    assert found["mail_server"] == ["mail.example", 587, "me", "s/ecret"]
    assert found["secure"] == [True, True, True, True]


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("smtp://mail.example", ["mail.example", 25, "", ""]),
        ("smtp://mail.example:1025", ["mail.example", 1025, "", ""]),
        ("smtp+ssl://mail.example", ["mail.example", 465, "", ""]),
    ],
)
def test_a_mail_server_has_the_port_of_its_kind(tmp_path: Path, url: str, server: list[object]) -> None:
    assert settings(tmp_path, EMAIL_URL=url)["mail_server"] == server


def test_check_deploy_is_content_with_an_environment_for_production(tmp_path: Path) -> None:
    done = python(tmp_path, "manage.py", "check", "--deploy", "--fail-level", "WARNING", **PRODUCTION)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("left_out", "complaint"),
    [
        ("SECRET_KEY", "loans.W001"),
        ("DATABASE_URL", "loans.W002"),
        ("CELERY_BROKER_URL", "loans.W003"),
        ("CHANNEL_REDIS_URL", "loans.W004"),
        ("EMAIL_URL", "loans.W005"),
        ("HTTPS", "security.W008"),
    ],
)
def test_check_deploy_names_what_is_left_out(tmp_path: Path, left_out: str, complaint: str) -> None:
    environment = {name: value for name, value in PRODUCTION.items() if name != left_out}
    done = python(tmp_path, "manage.py", "check", "--deploy", "--fail-level", "WARNING", **environment)
    assert done.returncode == 1
    assert f"({complaint})" in done.stderr
    if complaint.startswith("loans"):
        assert f"HINT: Set {left_out} in the environment." in done.stderr


def test_a_worker_logs_as_the_settings_say(tmp_path: Path) -> None:
    script = (
        "import logging; from crm_backend.celery import app; import django; django.setup();"
        "app.log.setup(loglevel='DEBUG');"
        "logging.getLogger('applications').info('hidden'); logging.getLogger('applications').warning('told once')"
    )
    done = python(tmp_path, "-c", script, LOG_LEVEL="warning")
    assert done.returncode == 0
    assert "hidden" not in done.stderr
    assert [line.split("WARNING ", 1)[1] for line in done.stderr.splitlines()] == ["applications: told once"]
