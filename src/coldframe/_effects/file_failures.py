"""How the file system fails."""

from __future__ import annotations

import errno
import os
from typing import Any

from coldframe._effects.gate import Failures


def writing(path: Any) -> Failures:
    """What making or filling a file fails with."""
    return {
        "disk full": lambda: OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), path),
        **changing(path),
    }


def closing() -> Failures:
    """What the last flush of a file fails with."""
    return {"disk full": lambda: OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))}


def changing(path: Any) -> Failures:
    """What deleting a file fails with."""
    return {"permission denied": lambda: PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)}
