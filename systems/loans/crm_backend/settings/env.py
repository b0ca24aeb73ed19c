"""Everything that the environment may say, read in one place. Without any of it, all runs on files in one directory."""

from __future__ import annotations

import secrets
from pathlib import Path

import environ

ROOT = Path(__file__).resolve().parents[2]

_env = environ.Env()

DEBUG = _env.bool("DEBUG", default=False)
# A key of its own for each process that was not told one: good for a demo; sessions and tokens end with it.
GIVEN_SECRET_KEY = _env.str("SECRET_KEY", default="")
SECRET_KEY = GIVEN_SECRET_KEY or secrets.token_urlsafe(50)
ALLOWED_HOSTS = _env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]", "testserver"])
#: A proxy in front speaks HTTPS, and says so in `X-Forwarded-Proto`.
HTTPS = _env.bool("HTTPS", default=False)
LOG_LEVEL = _env.str("LOG_LEVEL", default="INFO").upper()

DATA_DIR = Path(_env.str("DATA_DIR", default=str(ROOT / "var"))).resolve()
DATA_DIR.mkdir(parents=True, exist_ok=True)
DATABASE = _env.db_url("DATABASE_URL", default=f"sqlite:///{DATA_DIR / 'loans.sqlite3'}")
BROKER_URL = _env.str("CELERY_BROKER_URL", default="memory://localhost/")
CHANNEL_REDIS_URL = _env.str("CHANNEL_REDIS_URL", default="")
EMAIL = _env.email_url("EMAIL_URL", default=f"filemail:///{DATA_DIR / 'mail'}")
DEFAULT_FROM_EMAIL = _env.str("DEFAULT_FROM_EMAIL", default="Loans <loans@example.com>")
BUSINESS_TZ = _env.str("BUSINESS_TZ", default="Australia/Sydney")
COMPANY_NAME = _env.str("COMPANY_NAME", default="Harbour Lending")
