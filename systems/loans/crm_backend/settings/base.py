"""Django's settings."""

from __future__ import annotations

from datetime import timedelta

from crm_backend.beat import SCHEDULE
from crm_backend.queues import NOTIFICATIONS, QUEUES, ROUTES

from . import env
from .logs import LOGGING as LOGGING

BASE_DIR = env.ROOT
DEBUG = env.DEBUG
SECRET_KEY = env.SECRET_KEY
GIVEN_SECRET_KEY = bool(env.GIVEN_SECRET_KEY)
ALLOWED_HOSTS = env.ALLOWED_HOSTS

# --- the way to the browser: `HTTPS=true` behind a proxy that speaks HTTPS; plain HTTP for a demo ------------------

SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = env.HTTPS
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if env.HTTPS else 0
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if env.HTTPS else None
# Subdomains and browsers' preload lists are a decision about the whole domain, not about this application.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]

INSTALLED_APPS = [
    "core",
    "users",
    "brokers",
    "borrowers",
    "applications",
    "documents",
    "reports",
    "reminders",
    "housekeeping",
    "web",
    "demo",
    "channels",
    "django_celery_results",
    "django_htmx",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "rest_framework",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]

ROOT_URLCONF = "crm_backend.urls"
ASGI_APPLICATION = "crm_backend.asgi.application"
APPEND_SLASH = True

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

# --- data ------------------------------------------------------------------------------------------------------

DATABASES = {"default": env.DATABASE}
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # Web, worker and beat share the file: readers never wait, and a writer waits for another one.
    DATABASES["default"].setdefault("OPTIONS", {}).update(
        transaction_mode="IMMEDIATE",
        timeout=20,
        init_command="PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    )
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
MEDIA_ROOT = env.DATA_DIR / "media"
MEDIA_URL = "media/"
STATIC_URL = "static/"
WHITENOISE_USE_FINDERS = True  # served from the packages themselves; nothing is to be collected

# --- people ----------------------------------------------------------------------------------------------------

AUTH_USER_MODEL = "users.User"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL = "web:login"
LOGIN_REDIRECT_URL = "web:pipeline"
LOGOUT_REDIRECT_URL = "web:login"

# --- time: stored in UTC, decided and shown in the time of the business ------------------------------------------

USE_TZ = True
TIME_ZONE = BUSINESS_TZ = env.BUSINESS_TZ
USE_I18N = False
LANGUAGE_CODE = "en-au"

# --- mail ------------------------------------------------------------------------------------------------------

EMAIL_BACKEND = env.EMAIL["EMAIL_BACKEND"]
EMAIL_FILE_PATH = env.EMAIL["EMAIL_FILE_PATH"] or str(env.DATA_DIR / "mail")
EMAIL_HOST = env.EMAIL["EMAIL_HOST"] or "localhost"
EMAIL_HOST_USER = env.EMAIL["EMAIL_HOST_USER"] or ""
EMAIL_HOST_PASSWORD = env.EMAIL["EMAIL_HOST_PASSWORD"] or ""
EMAIL_USE_TLS = env.EMAIL.get("EMAIL_USE_TLS", False)
EMAIL_USE_SSL = env.EMAIL.get("EMAIL_USE_SSL", False)
EMAIL_PORT = env.EMAIL["EMAIL_PORT"] or (465 if EMAIL_USE_SSL else 587 if EMAIL_USE_TLS else 25)
EMAIL_TIMEOUT = 30
DEFAULT_FROM_EMAIL = env.DEFAULT_FROM_EMAIL

# --- background work ---------------------------------------------------------------------------------------------

CELERY_NAMESPACE = "CELERY"  # so that `app.conf.namespace` tells it
CELERY_BROKER_URL = env.BROKER_URL
CELERY_BROKER_TRANSPORT_OPTIONS = {"polling_interval": 0.1} if env.BROKER_URL.startswith("memory:") else {}
CELERY_RESULT_BACKEND = "django-db"
CELERY_RESULT_EXTENDED = True
CELERY_RESULT_EXPIRES = timedelta(days=30)
CELERY_TIMEZONE = BUSINESS_TZ
CELERY_BEAT_SCHEDULE = SCHEDULE
CELERY_BEAT_SCHEDULE_FILENAME = str(env.DATA_DIR / "celerybeat-schedule")
CELERY_TASK_QUEUES = QUEUES
CELERY_TASK_ROUTES = ROUTES
CELERY_TASK_DEFAULT_QUEUE = NOTIFICATIONS
CELERY_TASK_CREATE_MISSING_QUEUES = False
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_SOFT_TIME_LIMIT = 600
CELERY_TASK_TIME_LIMIT = 660
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True

# --- the live bell -----------------------------------------------------------------------------------------------

if env.CHANNEL_REDIS_URL:
    CHANNEL_LAYERS = {
        "default": {
            "BACKEND": "channels_redis.core.RedisChannelLayer",
            "CONFIG": {"hosts": [env.CHANNEL_REDIS_URL], "capacity": 1000},
        },
    }
else:
    CHANNEL_LAYERS = {"default": {"BACKEND": "core.in_process_layer.InProcessChannelLayer"}}

# --- API -------------------------------------------------------------------------------------------------------

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "rest_framework_simplejwt.authentication.JWTAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_PARSER_CLASSES": [
        "core.parsers.Json",
        "rest_framework.parsers.FormParser",
        "rest_framework.parsers.MultiPartParser",
    ],
    "DEFAULT_PAGINATION_CLASS": "core.api.Pages",
    "PAGE_SIZE": 25,
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "core.api.explain",
    "DEFAULT_METADATA_CLASS": None,  # the schema describes the API; OPTIONS would describe it worse, and not for all
    "COERCE_DECIMAL_TO_STRING": True,
}
SIMPLE_JWT = {
    "ACCESS_TOKEN_LIFETIME": timedelta(hours=1),
    "REFRESH_TOKEN_LIFETIME": timedelta(days=7),
    "UPDATE_LAST_LOGIN": False,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Loans",
    "DESCRIPTION": "Loan applications from the first inquiry to the last repayment.",
    "VERSION": "1.0.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "COMPONENT_SPLIT_REQUEST": True,  # what is sent and what is answered differ: a file is sent, and never answered
    "ENUM_NAME_OVERRIDES": {
        "DocumentTypeEnum": "documents.models.DocumentType",
        "ImportStatusEnum": "documents.models.RepaymentImport.Status",
    },
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
}

# --- business rules ----------------------------------------------------------------------------------------------

LOGIN_RATE = "20/min"  # attempts from one address
STALE_AFTER = timedelta(days=14)
REPAYMENT_REMINDER_DAYS = (7, 1)  # before the due date, for `send_repayment_reminders`
NOTE_REMINDERS_AT_MOST_LATE = timedelta(days=7)
COMPANY_NAME = env.COMPANY_NAME
