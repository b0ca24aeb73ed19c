"""The worker: `python -m killing.node` with the working directory's parents on the path."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

import orphans
from celery import signals
from specimens import celery, sms

from killing import lines, log, outside


def _started(task_id: str, **_: Any) -> None:
    log.write("started", id=task_id)
    is_first, kill_before = log.take_order()
    if is_first:
        sys.settrace(lines.Follower(kill_before))


def _ended(what: str) -> Any:
    def note(sender: Any = None, task_id: str | None = None, **_: Any) -> None:
        log.write(what, id=task_id or sender.request.id, task=sender.name)

    return note


def note_what_is_sent() -> None:
    """Write down each message that is published by this process."""
    signals.after_task_publish.connect(_sent, weak=False)


def _sent(headers: Any = None, **_: Any) -> None:
    log.write("sent", id=headers["id"])


def main(names: list[str]) -> None:
    """Run the worker until it is killed."""
    orphans.forbid()
    sms.send_sms = outside.send_sms  # before a specimen imports it
    for name in names:
        import_module(f"specimens.flaws.{name}")
    note_what_is_sent()
    signals.task_prerun.connect(_started, weak=False)
    signals.task_success.connect(_ended("done"), weak=False)
    signals.task_failure.connect(_ended("failed"), weak=False)
    signals.worker_ready.connect(lambda **_: log.write("ready"), weak=False)
    celery.app.worker_main(["worker", "--pool=prefork", "--without-gossip", "--without-mingle", "--loglevel=WARNING"])


if __name__ == "__main__":
    main(sys.argv[1:])
