"""No process of a real node outlives the test run, not even one that is killed and cleans nothing up."""

from __future__ import annotations

import ctypes
import signal
import sys

from celery.signals import worker_process_init

PR_SET_PDEATHSIG = 1


def end_with_parent(**_: object) -> None:
    """From here on this process is killed when the one that started it is gone, where the system can do that."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def forbid() -> None:
    """Let this worker end with who started it, and its pool processes with it."""
    end_with_parent()
    worker_process_init.connect(end_with_parent)
