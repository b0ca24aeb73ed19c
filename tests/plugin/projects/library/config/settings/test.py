from __future__ import annotations

SECRET_KEY = "for tests"
INSTALLED_APPS = ["books"]
DATABASES = {
    "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "library.sqlite3", "TEST": {"NAME": "test.sqlite3"}}
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
