from __future__ import annotations

from kombu import Queue

SECRET_KEY = "of the tests"
INSTALLED_APPS = ["bookshop"]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
ROOT_URLCONF = "bookshop.urls"
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
USE_TZ = True

CELERY_BROKER_URL = "amqp://broker.example"
CELERY_RESULT_BACKEND = "redis://results.example"
CELERY_TASK_ALWAYS_EAGER = True
CELERY_TASK_EAGER_PROPAGATES = True
CELERY_TASK_QUEUES = [Queue("celery"), Queue("mails")]
CELERY_TASK_ROUTES = {
    "bookshop.tasks.mail_*": {"queue": "mails"},
    "bookshop.tasks.make_report": {"queue": "reports"},
}
