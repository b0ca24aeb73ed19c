"""What `manage.py check --deploy` says of settings that are good for one process and not for several."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Warning

NOT_DELIVERED = ("console", "dummy", "filebased", "locmem")


def ready_for_production(app_configs: Sequence[Any] | None = None, **_options: Any) -> list[CheckMessage]:
    """A warning for each part that the environment did not name, with what to set."""
    mail = settings.EMAIL_BACKEND.split(".")[-2]
    layer = settings.CHANNEL_LAYERS["default"]["BACKEND"]
    complaints = {
        "SECRET_KEY": not settings.GIVEN_SECRET_KEY and "each process makes a key of its own: nobody stays logged in",
        "DATABASE_URL": settings.DATABASES["default"]["ENGINE"].endswith("sqlite3")
        and "SQLite lets one process write at a time",
        "CELERY_BROKER_URL": settings.CELERY_BROKER_URL.startswith("memory:")
        and "the broker is in memory: a worker in another process gets no work",
        "CHANNEL_REDIS_URL": "InProcess" in layer
        and "the channel layer is in memory: a worker in another process cannot ring the bell",
        "EMAIL_URL": mail in NOT_DELIVERED and f"mail goes to the {mail} backend and reaches nobody",
    }
    return [
        Warning(message, hint=f"Set {name} in the environment.", id=f"loans.W{number:03}")
        for number, (name, message) in enumerate(complaints.items(), 1)
        if message
    ]
