"""What would be written thousands of times is nobody's business on the command line."""

from __future__ import annotations

import logging
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path


@contextmanager
def quiet() -> Iterator[None]:
    """Celery's remarks on its own future are not told."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"(celery|kombu)\b")
        yield


@contextmanager
def silent_tasks() -> Iterator[None]:
    """What tasks print and log on their way goes nowhere; the trace has it."""
    handlers = [handler for handler in _handlers() if getattr(handler, "stream", None) in (sys.stderr, sys.stdout)]
    levels = [handler.level for handler in handlers]
    instead_of_none = logging.NullHandler()
    logging.getLogger().addHandler(instead_of_none)
    for handler in handlers:
        handler.setLevel(logging.CRITICAL + 1)
    try:
        with (
            Path(os.devnull).open("w", encoding="utf-8") as nowhere,
            redirect_stdout(nowhere),
            redirect_stderr(nowhere),
        ):
            yield
    finally:
        logging.getLogger().removeHandler(instead_of_none)
        for handler, level in zip(handlers, levels, strict=True):
            handler.setLevel(level)


def _handlers() -> list[logging.Handler]:
    loggers = [logging.getLogger(), *logging.root.manager.loggerDict.values()]
    return [handler for logger in loggers if isinstance(logger, logging.Logger) for handler in logger.handlers]
