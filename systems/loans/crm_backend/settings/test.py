"""For tests: nothing outside the process, unless the environment names a PostgreSQL of the tests' own."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from .base import *

SECRET_KEY = "only for tests, where tokens must be the same each time"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
MEDIA_ROOT = Path(tempfile.gettempdir()) / f"loans-tests-{os.getpid()}"
CELERY_BROKER_URL = "memory://"
LOGIN_RATE = None
WHITENOISE_AUTOREFRESH = True  # each test client would read all directories of static files again
LOGGING = {"version": 1, "disable_existing_loggers": False}

if "POSTGRES_TEST_DB" in os.environ:
    DATABASES = {
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": os.environ["POSTGRES_TEST_DB"],
            "USER": os.environ.get("POSTGRES_TEST_USER", "postgres"),
            "PASSWORD": os.environ.get("POSTGRES_TEST_PASSWORD", ""),
            "HOST": os.environ.get("POSTGRES_TEST_HOST", "127.0.0.1"),
            "PORT": os.environ.get("POSTGRES_TEST_PORT", "5432"),
        },
    }
else:
    DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
