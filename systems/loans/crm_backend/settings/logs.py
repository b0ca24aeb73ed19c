"""One log for web, worker and beat, on standard error; `LOG_LEVEL` decides how much."""

from __future__ import annotations

from . import env

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)-7s %(name)s: %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": env.LOG_LEVEL},
    # Django's own handlers would say everything twice, and only while DEBUG is on.
    "loggers": {"django": {"handlers": [], "level": env.LOG_LEVEL, "propagate": True}},
}
