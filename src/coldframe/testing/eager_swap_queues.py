"""Which queues the project's workers read beyond those that its app declares: what its deployment files say."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

#: Files in which people write how their workers are started.
NAMES: tuple[str, ...] = (
    "Procfile*",
    "Makefile",
    "justfile",
    "*.sh",
    "*.service",
    "supervisor*.conf",
    "*.conf",
    "*.yml",
    "*.yaml",
)
NAMES += ("fly.toml", "app.json", "Dockerfile*", "circus*.ini")
FOLDERS = (".", "*", "*/*")
LARGEST = 200_000

OPTION = re.compile(r"""(?:^|[\s"'\[,])(?:-Q|--queues)[\s="',]+([A-Za-z0-9_.:,-]+)""")


def queues_of_workers(root: Path) -> dict[str, str]:
    """The queues named by `celery worker -Q` in the project's files, each with the file.

    Args:
        root: The project's directory.
    """
    found: dict[str, str] = {}
    for path in _deployment_files(root):
        text = path.read_text("utf-8", errors="replace")
        if "celery" not in text or "worker" not in text:
            continue
        for names in OPTION.findall(text):
            for name in names.strip(",").split(","):
                found.setdefault(name, path.relative_to(root).as_posix())
    return found


def _deployment_files(root: Path) -> Iterator[Path]:
    seen: set[Path] = set()
    for folder in FOLDERS:
        for name in NAMES:
            for path in sorted(root.glob(f"{folder}/{name}" if folder != "." else name)):
                is_own = not {"node_modules", "site-packages", ".git", ".venv", "venv"}.intersection(path.parts)
                if path not in seen and is_own and path.is_file() and path.stat().st_size <= LARGEST:
                    seen.add(path)
                    yield path
