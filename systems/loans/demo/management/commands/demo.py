"""`python manage.py demo`: all of it on one machine, without any server."""

from __future__ import annotations

import logging
import shutil
import signal
import socket
from pathlib import Path
from typing import Any

from celery.schedules import crontab
from django.conf import settings
from django.core.management import BaseCommand, CommandError, CommandParser, call_command
from django.db import connection

from crm_backend.celery import app
from demo import people, processes, sweeps
from demo.seed import seed


class Command(BaseCommand):
    """Migrates, seeds, starts everything, says where it is, and stops cleanly."""

    help = "Run web, worker and beat in this one process, with data to look at. Ctrl-C ends it."

    def add_arguments(self, parser: CommandParser) -> None:
        """What can be chosen; everything else comes from the environment."""
        parser.add_argument("--host", default="127.0.0.1", help="where to listen (%(default)s)")
        parser.add_argument("--port", type=int, default=8000, help="where to listen; 0 is any free port (%(default)s)")
        parser.add_argument("--fresh", action="store_true", help="remove the data of earlier runs first")
        parser.add_argument("--no-input", "--noinput", action="store_true", help="do not ask before removing data")

    def handle(self, *, host: str, port: int, fresh: bool, no_input: bool, **_options: Any) -> None:
        """Run until Ctrl-C."""
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        with processes.listen(host, port) as knocks:
            try:
                if fresh:
                    self.remove_data(ask=not no_input)
                self.prepare()
                self.run(knocks)
            except KeyboardInterrupt:
                pass
        self.stdout.write("Stopped. The data stays for the next run; --fresh begins anew.")

    def remove_data(self, *, ask: bool) -> None:
        """Back to the beginning: database, files and mail."""
        name = settings.DATABASES["default"]["NAME"]
        if ask and not agreed(f"Remove all data in {name}, and all files and mail of the demo? [y/N] "):
            raise CommandError("Nothing was removed. Leave --fresh out to keep the data, or add --no-input to agree.")
        if connection.vendor == "sqlite":
            for file in Path(name).parent.glob(f"{Path(name).name}*"):
                file.unlink()
        else:
            call_command("migrate", verbosity=0, interactive=False)
            people.is_seeded()  # refuses a database that is not the demo's
            call_command("flush", verbosity=0, interactive=False)
        shutil.rmtree(settings.MEDIA_ROOT, ignore_errors=True)
        shutil.rmtree(settings.EMAIL_FILE_PATH, ignore_errors=True)

    def prepare(self) -> None:
        """Bring the database up to date, and fill it the first time."""
        call_command("migrate", verbosity=0, interactive=False)
        if people.is_seeded():
            self.stdout.write("Keeping the data of the last run; the passwords are new.")
        else:
            self.stdout.write("Filling the database …")
            seed()

    def run(self, knocks: socket.socket) -> None:
        """Start everything, do what is due at once, and serve."""
        app.conf.beat_schedule["check-note-reminders"]["schedule"] = crontab()  # each minute: something to see
        with processes.worker(app), processes.beat(app):
            log_only(logging.WARNING)
            self.stdout.write("Doing once what beat starts in a month …")
            for line in sweeps.run_each_once(app):
                self.stdout.write(f"  {line}")
            self.welcome(*knocks.getsockname()[:2])
            log_only(logging.NOTSET)
            processes.web(knocks)
            self.stdout.write("Stopping …")

    def welcome(self, host: str, port: int) -> None:
        """Where to go, and as whom."""
        name = "localhost" if host in ("127.0.0.1", "0.0.0.0", "::1", "::") else host  # noqa: S104 (only compared)
        self.stdout.write("")
        for login in people.new_passwords():
            self.stdout.write(f"  {login.role:<22}{login.email:<24}{login.password}")
        mail = settings.EMAIL_FILE_PATH if "filebased" in settings.EMAIL_BACKEND else settings.EMAIL_HOST
        self.stdout.write(f"\n  Mail goes to {mail}\n  API: http://{name}:{port}/api/docs/")
        self.stdout.write(f"  Administration: http://{name}:{port}/admin/\n")
        self.stdout.write(self.style.SUCCESS(f"Loans runs at http://{name}:{port}/ (Ctrl-C ends it)"))
        self.stdout.flush()


def agreed(question: str) -> bool:
    """Ask; whoever cannot answer does not agree."""
    try:
        return input(question).strip().lower() in ("y", "yes")
    except EOFError:
        return False


def log_only(level: int) -> None:
    """Leave out of the log what matters less."""
    for handler in logging.getLogger().handlers:
        handler.setLevel(level)
