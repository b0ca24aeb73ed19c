"""The real node of the conformance suite: a Celery worker process whose observations go to a file.

Takes one argument: JSON with `broker`, `broker_url`, `result_url`, `config`, `log` and `argv`.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

import catalogue
import orphans
import proj
from celery.signals import worker_ready


def append_to(path: str) -> proj.Sink:
    """A sink that appends each record to a file in one write, which no other process can split."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def append(record: proj.Record) -> None:
        os.write(descriptor, json.dumps(record).encode() + b"\n")

    return append


def tell_that_it_is_ready(sender: object = None, **_: object) -> None:
    """Observe that the node consumes."""
    proj.observe("ready", None, getattr(sender, "hostname", None))


def main(order: dict[str, Any]) -> None:
    """Run the node until it is told to stop."""
    orphans.forbid()
    catalogue.load()
    proj.set_sink(append_to(order["log"]))
    proj.connect_observers()

    worker_ready.connect(tell_that_it_is_ready)
    app = proj.make_app(
        order["broker"], broker_url=order["broker_url"], result_url=order["result_url"], config=order["config"]
    )
    app.worker_main(argv=order["argv"])


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
