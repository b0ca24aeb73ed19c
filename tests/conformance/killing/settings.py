"""The specimens' settings, on real servers: where everything is comes from the environment."""

from __future__ import annotations

import os
from pathlib import Path

from specimens.settings import *  # noqa: F403 - settings go on from others like this

HERE = Path(os.environ["KILLING_DIRECTORY"])
DATABASES = {
    alias: {"ENGINE": "django.db.backends.sqlite3", "NAME": str(HERE / f"{alias}.sqlite3")}
    for alias in ("default", "warehouse")
}
EMAIL_BACKEND = "killing.outside.Mail"
CELERY_BROKER_URL = os.environ["KILLING_BROKER_URL"]
CELERY_TASK_DEFAULT_QUEUE = "killing"
CELERY_WORKER_CONCURRENCY = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_LOST_WAIT = 0.1  # so long a process that died may still have its result in the pipe: ten seconds
