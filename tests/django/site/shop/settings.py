"""Test settings; the environment variable `SHOP_DATABASE` is `memory`, a file, or the DSN of a PostgreSQL server."""

from __future__ import annotations

import os
from urllib.parse import urlsplit

DATABASE = os.environ.get("SHOP_DATABASE", "memory")


def sqlite(alias: str) -> dict[str, object]:
    """An SQLite database whose test database is in memory, or a file."""
    name = ":memory:" if DATABASE == "memory" or "://" in DATABASE else f"{DATABASE}.{alias}"
    return {"ENGINE": "django.db.backends.sqlite3", "NAME": name, "TEST": {"NAME": name}}


def default_database() -> dict[str, object]:
    """The database that the environment asks for."""
    if "://" not in DATABASE:
        return sqlite("default")
    server = urlsplit(DATABASE)
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": server.path.lstrip("/"),
        "USER": server.username,
        "HOST": server.hostname,
        "PORT": server.port,
    }


SECRET_KEY = "for tests only"
ROOT_URLCONF = "shop.urls"
ALLOWED_HOSTS = ["*"]
USE_TZ = True
TIME_ZONE = "Europe/Berlin"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = ["django_celery_beat", "django_celery_results", "shop"]
DATABASES = {"default": default_database(), "archive": sqlite("archive")}
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}

CELERY_BROKER_URL = "amqp://shop@broker.internal//"
CELERY_RESULT_BACKEND = "redis://results.internal/3"
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_ALWAYS_EAGER = True
CELERY_TASK_EAGER_PROPAGATES = True
CELERY_TIMEZONE = TIME_ZONE
