"""A storage far away: each line of a file takes a while to arrive."""

from __future__ import annotations

import time
from typing import Any

from django.core.files import File
from django.core.files.storage import FileSystemStorage

SECONDS_A_LINE = 1


class SlowFile(File):
    """Read line by line, slowly."""

    def readline(self, *size: int) -> Any:
        time.sleep(SECONDS_A_LINE)
        return self.file.readline(*size)


class SlowStorage(FileSystemStorage):
    """Files that are read slowly."""

    def _open(self, name: str, mode: str = "rb") -> SlowFile:
        return SlowFile(super()._open(name, mode))
