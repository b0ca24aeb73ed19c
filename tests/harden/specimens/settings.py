"""Settings as for the tests of any small project: SQLite, the outbox instead of a mail server, a cache in memory."""

from __future__ import annotations

SECRET_KEY = "for tests only"
USE_TZ = True
TIME_ZONE = "UTC"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = ["specimens"]
DATABASES = {
    "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"},
    "warehouse": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"},
}
DATABASE_ROUTERS = ["specimens.world.Warehouse"]
MEDIA_ROOT = "media"
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
DEFAULT_FROM_EMAIL = "shop@example.com"

CELERY_BROKER_URL = "amqp://shop@broker.internal//"
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# A message stays with the broker until its task has ended, also if its worker dies.
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
