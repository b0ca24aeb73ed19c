"""Runs the Python blocks of a page in order, in one namespace: `python run_page.py docs/how-to/asyncio.md`.

A block counts when its fence says `python` and nothing more. Each page has a process of its own: Celery remembers the
tasks of every app there was.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

BLOCK = re.compile(r"^```python\n(.*?)^```", re.DOTALL | re.MULTILINE)


def run(page: Path) -> None:
    """Run the blocks; a traceback tells the lines of the page."""
    text = page.read_text("utf-8")
    names: dict[str, object] = {"__name__": "example"}
    for block in BLOCK.finditer(text):
        lines_before = text.count("\n", 0, block.start(1))
        exec(compile("\n" * lines_before + block[1], str(page), "exec"), names)


if __name__ == "__main__":
    run(Path(sys.argv[1]))
