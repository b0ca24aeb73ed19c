from __future__ import annotations

SECRET_KEY = "of the tests"
INSTALLED_APPS = ["django.contrib.auth", "django.contrib.contenttypes", "visits", "billing"]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:", "ATOMIC_REQUESTS": True}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
ROOT_URLCONF = "config.urls"
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
USE_TZ = True
TIME_ZONE = "Europe/Berlin"

CELERY_BROKER_URL = "redis://broker.example/0"
CELERY_RESULT_BACKEND = "cache+memory://"
CELERY_TASK_ALWAYS_EAGER = True
CELERY_TIMEZONE = "Europe/Berlin"
CELERY_TASK_DEFAULT_QUEUE = "clinic"
CELERY_TASK_ROUTES = {"billing.*": {"queue": "billing"}}
CELERY_TASK_TIME_LIMIT = 300
CELERY_BEAT_SCHEDULE = {"nightly": {"task": "visits.tasks.close_day", "schedule": 86400}}
