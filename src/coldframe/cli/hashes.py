"""The order of sets is the same in each process, so that the id of a broken run means the same run everywhere."""

from __future__ import annotations

import os
import sys

VARIABLE = "PYTHONHASHSEED"


def fix_hashes() -> None:
    """Begin anew with fixed hashes, unless they are fixed: Python draws them by lot when a process starts."""
    if os.name == "posix" and os.environ.get(VARIABLE, "random") == "random":
        os.environ[VARIABLE] = "0"
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606 - the same command once more
