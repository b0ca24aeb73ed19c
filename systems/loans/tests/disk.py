"""A disk for tests in virtual time: it can take its time, and it can be full."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.files.storage import FileSystemStorage


@dataclass(slots=True)
class Disk:
    """How the disk is disposed."""

    seconds_to_write: float = 0
    seconds_to_move: float = 0
    full: int = 0  # so many more writes fail

    def write(self) -> None:
        """What a write has to go through."""
        time.sleep(self.seconds_to_write)
        if self.full:
            self.full -= 1
            raise OSError(28, "No space left on device")


DISK = Disk()


def install(settings: Any) -> Disk:
    """Put files on a fresh disk of this kind."""
    DISK.__init__()  # type: ignore[misc]
    settings.STORAGES = {**settings.STORAGES, "default": {"BACKEND": f"{__name__}.Storage"}}
    return DISK


def files() -> list[str]:
    """What lies on the disk, by name."""
    root = Path(settings.MEDIA_ROOT)
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())


class Storage(FileSystemStorage):
    """Django's way to it."""

    def _save(self, name: str, content: Any) -> str:
        DISK.write()
        return super()._save(name, content)

    def path(self, name: str) -> str:
        """Where a file is; to be asked for the place of a generated one comes just before it is moved there."""
        if name.startswith("generated/"):
            time.sleep(DISK.seconds_to_move)
        return super().path(name)
