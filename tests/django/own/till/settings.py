"""Test settings; the environment variable `TILL_DATABASE` is a file, or the DSN of a PostgreSQL server."""

from __future__ import annotations

import os
from urllib.parse import urlsplit

DATABASE = os.environ["TILL_DATABASE"]
SERVER = urlsplit(DATABASE)

SECRET_KEY = "for tests only"
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = ["till"]
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": SERVER.path.lstrip("/"),
        "USER": SERVER.username,
        "HOST": SERVER.hostname,
        "PORT": SERVER.port,
    }
    if "://" in DATABASE
    else {"ENGINE": "django.db.backends.sqlite3", "NAME": DATABASE, "TEST": {"NAME": DATABASE}}
}
