"""Plays the quarter, and says which promises were held.

The two sweeps that look every ten minutes for lost messages have scenarios of their own, and do not run here.
"""

from __future__ import annotations

import logging
import os
import sys
import tempfile
import time
from typing import Any

import django
from django.conf import settings
from django.test.runner import DiscoverRunner


def main() -> int:
    """Set up a database in memory, play, print; 1 if a promise was broken."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "crm_backend.settings.test"
    django.setup()
    from tests import mailbox

    settings.EMAIL_BACKEND = mailbox.BACKEND
    settings.CELERY_RESULT_BACKEND = "cache+memory://"  # nobody asks for a result, and a database takes its time
    runner = DiscoverRunner(verbosity=0)
    databases = runner.setup_databases()
    try:
        with tempfile.TemporaryDirectory() as files:
            settings.MEDIA_ROOT = files
            return play(mailbox.fresh())
    finally:
        runner.teardown_databases(databases)


def tell(what: str) -> None:
    """How far it is, for whoever waits."""
    print(f"  … {what}", file=sys.stderr, flush=True)


def play(box: Any) -> int:
    """The quarter itself."""
    from coldframe import Bench

    from crm_backend.celery import app
    from tests.quarter.life import FIRST, LAST, Life
    from tests.quarter.office import local, open_office
    from tests.quarter.promises import verdicts
    from tests.quarter.telling import summary

    logging.disable(logging.CRITICAL)  # of what goes wrong on purpose
    started = time.perf_counter()
    with Bench(app, start=local(FIRST, 0).isoformat(), failures="collect") as bench:
        life = Life(bench, open_office(), box)
        life.start_workers()
        bench.beat(only=[name for name in app.conf.beat_schedule if not name.startswith("pick-up")])
        life.live(tell)
        found = verdicts(life)
        print(summary(life, found, days=(LAST - FIRST).days + 1))
    print(f"  {time.perf_counter() - started:.1f} s of real time")
    return int(any(verdict.broken for verdict in found))


if __name__ == "__main__":
    sys.exit(main())
